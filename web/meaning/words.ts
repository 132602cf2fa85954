/** The words around an explanation. The explanations themselves are in terms/, which is fetched on demand. */
export const words = {
  whatIs: (name: string) => `What is “${name}”?`,
  /** Before the formula with the page's numbers, for screen readers. */
  now: 'With the numbers of this page: ',
  paper: (arxiv: string) => `The paper: arXiv ${arxiv}`,
  close: 'Close',
} as const;
