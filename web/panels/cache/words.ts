/** The words of the panel about what the cache keeps. What a policy keeps and loses stands in its own file. */
export const words = {
  keeps: 'Keeps',
  loses: 'Loses',
  publishedCode: 'Published code',
  published: {
    label: 'Published set-up',
    own: 'Your own numbers',
    hint: 'A policy with the numbers of its paper; change them as you like',
    paper: (arxiv: string) => `arXiv ${arxiv}`,
  },
  lossy: 'Lossy',
  exact: 'Exact',
  /** What an empty field stands for. */
  ifEmpty: (value: string) => `Empty: ${value}`,
  useDefaults: (policy: string) => `Use the published numbers of ${policy}`,
  preview: {
    title: 'KV under this policy',
    after: (tokens: string) => `KV after a prompt of ${tokens} tokens:`,
    of: (all: string, percent: string) => ` of ${all} (${percent})`,
    store: (owner: number, rows: string) => `layer ${owner}: ${rows} rows`,
    storeWithState: (owner: number, rows: string) => `layer ${owner}: ${rows} rows + state`,
    rowsAndState: (rows: string, state: string) => `Rows ${rows} + state ${state}.`,
    idle: 'The budget is not below what this plan keeps anyway, so the policy never acts here.',
    whole: 'While the prompt is read, all of its rows are needed.',
    chunked: (tokens: string) => `While the prompt is read, rows for ${tokens} more are needed.`,
    outgrows: 'The text may grow past the context: positions count within the cache.',
    limited: 'The text still ends at the model’s context, because distances count in the text.',
    unknown: 'Known once a model is loaded and the settings are right.',
  },
  kernels: {
    /** What it was trained for comes first: a narrow field cuts off the end. */
    option: (file: string, trainedFor: string | null) =>
      `${trainedFor ?? 'It does not say for what'}: ${file}`,
    trainedFor: (policy: string, rows: number) => `${policy}, ${rows} rows`,
    absent: (file: string) => `${file}: not among this model’s files`,
    none: 'This model brings no kernels, which LESS needs. Train them with tools/train/less.py and put kernels.safetensors beside its weights.',
    /** @param misfits what the kernels were trained for */
    misfit: (misfits: readonly string[]) =>
      `The kernels were trained for ${misfits.join(' and for ')}. They still compute, but may give back less of what is lost.`,
    otherPlan: (layerTypes: string) => `another plan (${layerTypes})`,
    otherPolicy: (policy: string) => `another policy (${policy})`,
    otherBudget: (trained: number, now: number) =>
      `another budget (${trained} rows; these settings keep ${now.toLocaleString('en')})`,
    useTrained: 'Use the policy and rows that they were trained for',
  },
} as const;
