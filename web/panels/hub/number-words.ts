const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** A count as a word, as in a sentence: `seven`, `11`. */
export const countInWords = (count: number): string => WORDS[count] ?? String(count);
