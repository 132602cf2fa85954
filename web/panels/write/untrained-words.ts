/** The words of the band about a plan that the weights were not trained for. */
export const untrainedWords = {
  expect: 'Untrained plan: expect poor text.',
  nearest: 'Nearest trained:',
  healed: 'Healed here:',
} as const;
