/** Where a text leaves another one that begins with the same words. */
export interface FirstDifference {
  /** What the text begins with, up to the spaces before the word at which it leaves the other one. */
  readonly common: string;
  readonly commonWords: number;
  /** The word at which the text leaves the other one; empty if the text ends there. */
  readonly own: string;
  /** The word of the other text in its place; empty if that text ends there. */
  readonly other: string;
}

/** Compares two texts word by word. Returns null if their words are the same; spaces do not count. */
export function firstDifference(other: string, text: string): FirstDifference | null {
  const [words, others] = [wordsOf(text), wordsOf(other)];
  const at = (list: readonly string[], index: number) => (list[index] ?? '').trim();
  const longest = Math.max(words.length, others.length);
  for (let index = 0; index < longest; index++) {
    const [own, theirs] = [at(words, index), at(others, index)];
    if (own === theirs) continue;
    return { common: words.slice(0, index).join(''), commonWords: index, own, other: theirs };
  }
  return null;
}

/** Words, each with the spaces before it. */
const wordsOf = (text: string): readonly string[] => text.match(/\s*\S+/gu) ?? [];
