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

/** Where two texts that begin alike part, in whole words. */
export interface FirstDifference {
  /** What both begin with, spaces before the word at which they part included. */
  readonly common: string;
  readonly commonWords: number;
  /** The word at which the text leaves the reference; empty if the text ends there. */
  readonly own: string;
  /** The word of the reference in its place; empty if the reference ends there. */
  readonly first: string;
}

/** @returns null if the texts are the same */
export function firstDifference(reference: string, text: string): FirstDifference | null {
  if (reference === text) return null;
  const [words, others] = [wordsOf(text), wordsOf(reference)];
  const same = words.findIndex((word, i) => word !== others[i]);
  const commonWords = same === -1 ? words.length : same;
  return {
    common: words.slice(0, commonWords).join(''),
    commonWords,
    own: (words[commonWords] ?? '').trim(),
    first: (others[commonWords] ?? '').trim(),
  };
}

/** Words, each with the spaces before it; spaces at the end belong to the last one. */
const wordsOf = (text: string): readonly string[] =>
  text.match(/\s*\S+(?:\s+$)?/gu) ?? (text === '' ? [] : [text]);

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
