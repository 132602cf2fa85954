/** The words of the panel about what the cache keeps. What a policy keeps and loses stands in its own file. */
export const words = {
  keeps: 'Keeps',
  loses: 'Loses',
  published: 'Published code',
  lossy: 'Lossy',
  exact: 'Exact',
  /** What an empty field stands for. */
  ifEmpty: (value: string) => `Empty: ${value}`,
} as const;
