import { diffWordsWithSpace } from 'diff';

/** A part of a text, and whether the reference lacks it. */
export interface Stretch {
  readonly text: string;
  readonly differs: boolean;
}

/** Splits a text, word by word, into parts that the reference has in the same order, and parts that it lacks. */
export function markDifferences(reference: string, text: string): readonly Stretch[] {
  return diffWordsWithSpace(reference, text)
    .filter(({ removed }) => !removed)
    .map(({ value, added }) => ({ text: value, differs: added }));
}

/** Stretches of what is behind the common beginning of two texts. */
export function afterCommon(stretches: readonly Stretch[], common: string): readonly Stretch[] {
  let left = common.length;
  return stretches.flatMap(({ text, differs }) => {
    const cut = Math.min(left, text.length);
    left -= cut;
    return cut === text.length ? [] : [{ text: text.slice(cut), differs }];
  });
}

/** The fraction of a text's characters that the reference has too. */
export function commonFraction(stretches: readonly Stretch[]): number {
  const lengthOf = (some: readonly Stretch[]) => some.reduce((sum, { text }) => sum + text.length, 0);
  const all = lengthOf(stretches);
  return all === 0 ? 1 : lengthOf(stretches.filter(({ differs }) => !differs)) / all;
}
