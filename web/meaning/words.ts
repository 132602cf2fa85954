/** The words around an explanation. The explanations themselves are in meanings.ts, which is fetched on demand. */
export const words = {
  whatIs: (name: string) => `What is “${name}”?`,
  close: 'Close',
} as const;
