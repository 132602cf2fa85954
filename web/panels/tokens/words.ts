/** The words of the panel about single tokens. */
export const words = {
  record: 'Measure every token',
  recordHint:
    'Records the probability, the rank and the alternatives of each token of the next run; slows each step a little',
  strip: 'Tokens of the output',
  token: (number: number, text: string) => `Token ${number}: ${text}`,
  facts: (probability: string, rank: number, ms: string) =>
    `probability ${probability}, rank ${rank}, ${ms} ms after the token before`,
} as const;
