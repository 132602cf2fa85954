/** The words for what the page is doing, and for workers and storage that refuse. */
export const words = {
  idle: 'No model is loaded yet.',
  notLoaded: 'The model is not loaded: a link loads nothing by itself.',
  loadNow: 'Load the model',
  idleDetail: 'A link loads none by itself: press Generate, or load it now.',
  loading: (model: string, queued: boolean) =>
    `Loading ${model}${queued ? '; the run starts when it is ready' : ''}`,
  loadingBar: 'Loading the model',
  bytesOf: (loaded: string, total: string) => `${loaded} of ${total}`,
  room: (bytes: string, backend: 'webgpu' | 'cpu') =>
    `the weights take ${bytes} of ${backend === 'webgpu' ? 'GPU memory' : 'memory'}`,
  failed: 'No model is loaded.',
  reading: 'Reading the prompt',
  writing: 'Writing',
  evaluatingBar: 'Measuring',
  ready: 'Ready.',
  done: (tokens: string) => `Done: ${tokens}.`,
  ended: (tokens: string) => `Done: the model ended the text after ${tokens}.`,
  stopped: (tokens: string) => `Stopped after ${tokens}.`,
  runFailed: 'The run failed.',
  transfer: 'Download beside the run',
  toTransfer: 'Show download',
  deviceFull:
    'This device has no room left. New runs are kept until you close the page: delete some runs, or export them.',
  nothingStored: 'This browser does not store anything for the page. Runs are kept until you close it.',
} as const;
