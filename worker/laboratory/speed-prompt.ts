/** The prompt of timed runs: tokens of all kinds, the same in every engine. */
export const speedPrompt = (tokens: number, vocabSize: number): readonly number[] =>
  Array.from({ length: tokens }, (_, i) => (i * 7919 + 1) % vocabSize);
