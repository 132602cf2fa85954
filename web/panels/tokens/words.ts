/** The words of the panel about single tokens. */
export const words = {
  record: 'Measure every token',
  recordHint:
    'Records the probability, the rank and the alternatives of each token of the next run, which slows each step a little. The stronger the color of a token, the less probable it was',
  several:
    'The last run wrote several texts together, of which no token is measured. Set Continuations to 1, and press Generate.',
  strip: 'Tokens of the output',
  token: (number: number, text: string) => `Token ${number}: ${text}`,
  facts: (probability: string, rank: number) => `probability ${probability}, rank ${rank}`,
  /** Goes on after the facts. */
  after: (ms: string) => `, ${ms} ms after the token before`,
  isFirst: ', the first new token: it comes at the end of the prefill',
} as const;
