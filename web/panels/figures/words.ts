/** The words of the four figures. Their names and meanings stand in web/meaning/meanings.ts. */
export const words = {
  label: 'Figures',
  unknown: '–',
  thisRun: 'this run',
  lastRun: 'last run',
  noRun: 'after the first run',
  newTokens: (run: string, count: number) => `${run}, ${count} tokens`,
  /** Of several texts that are written together. */
  together: (run: string, texts: number) => `${run}, ${texts} texts together`,
  mode: (run: string, mode: string) => `${run}, ${mode}`,
  perSecond: 'tokens/s',
  ofRuns: (range: string, count: number) => `median of ${count} runs, ${range}; `,
  software: 'software adapter, no GPU',
  useCpu: 'Use the CPU backend',
  /** Behind the adapter: what its kernels are shaped like. */
  shaped: {
    set: (rows: number) => `kernels of ${rows} rows, as set`,
    measured: (rows: number) => `kernels of ${rows} rows, the fastest of those measured`,
    remembered: (rows: number) => `kernels of ${rows} rows, the fastest when measured before`,
  },
  noAdapter: 'unknown until a model is loaded',
  ofPlain: 'of plain LLaMA',
  perToken: (bytes: string) => `${bytes} per token`,
  badPlan: 'correct the layer types to see it',
  planLater: 'known once the model is loaded',
  bytesLater: 'bytes per token: once the model is loaded',
  nothingInUse: '0 B in use',
  inUse: (bytes: string, running: boolean, texts: number) =>
    `${bytes} in use by ${running ? 'this run' : 'the last run'}${texts > 1 ? `, ${texts} texts` : ''}`,
  /** Of the bytes in use, under LESS. */
  rowsAndState: (rows: string, state: string) => `rows ${rows} + state ${state}`,
  /** Stands between the model and the plan of a run under other settings. */
  as: 'as',
} as const;
