import { diffWordsWithSpace } from 'diff';

/** A stretch of a text, and whether the text that it is compared with lacks it. */
export interface Stretch {
  readonly text: string;
  readonly differs: boolean;
}

/** Cuts a text into what another one has too, in the same order, and what only this one has. Word by word. */
export function markDifferences(reference: string, text: string): readonly Stretch[] {
  return diffWordsWithSpace(reference, text)
    .filter(({ removed }) => !removed)
    .map(({ value, added }) => ({ text: value, differs: added }));
}

/** The fraction of a text's characters that the other one has too. */
export function sharedPart(stretches: readonly Stretch[]): number {
  const lengthOf = (some: readonly Stretch[]) => some.reduce((sum, { text }) => sum + text.length, 0);
  const all = lengthOf(stretches);
  return all === 0 ? 1 : lengthOf(stretches.filter(({ differs }) => !differs)) / all;
}
