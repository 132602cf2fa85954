/** The words of the charts. What each chart means stands in web/meaning/meanings.ts. */
export const words = {
  timeKernels: 'Time the kernels',
  timeKernelsHint:
    'Profiling: the next run loads the model again on a device that keeps time, which can be slower, and ends with five slow steps of one pass per dispatch',
  noClock: 'This adapter cannot say how long a kernel takes',
  noRun: 'The charts are drawn while a run writes. Press Generate.',
  several:
    'The last run wrote several texts together, of which nothing is recorded token by token. Set Continuations to 1, and press Generate.',
  noKernelTimes: 'Either this adapter does not report how long a kernel takes, or the run decoded no token.',
  tokens: 'tokens',
  kvBytes: 'KV in use',
  newToken: 'new token',
  thisPlan: 'this plan',
  plain: 'plain LLaMA',
  tokensPerSecond: 'tokens per second',
  kvSummary: (bytes: string, tokens: string, plainBytes: string) =>
    `${bytes} after ${tokens}; plain LLaMA would take ${plainBytes}.`,
  speedSummary: (speed: string, newToken: string) => `${speed} at new token ${newToken}.`,
  table: 'As a table',
  kernels: 'GPU time by kernel',
  columns: {
    kernel: 'Kernel',
    dispatches: 'Dispatches',
    perToken: 'µs per token',
    fraction: 'Fraction',
    bar: 'Bar',
  },
  barLabel: (microseconds: string, percent: string) => `${microseconds} µs, ${percent}`,
} as const;
