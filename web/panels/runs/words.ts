import { unreadableWords } from '../../ui/unreadable.ts';

/** The words of the table of runs. */
export const words = {
  notFetched: 'The kept runs could not be loaded. Check the connection and reload the page.',
  empty: 'There are no runs yet. Press Generate.',
  ...unreadableWords,
  exportCsv: 'Export CSV',
  exportJson: 'Export JSON',
  total: (runs: string, bytes: string) => `${runs}, ${bytes} of text`,
  caption: 'Runs, pinned ones first',
  columns: {
    layerTypes: 'Plan',
    kvBytesPerToken: 'KV / token',
    kvBytes: 'KV in use',
    prefillTokensPerSec: 'Prefill tok/s',
    decodeTokensPerSec: 'Decode tok/s',
    endedAt: 'When',
  },
  /** Before the headings of the columns, on a narrow screen. */
  sortBy: 'Sort by',
  actions: 'Actions',
  undo: 'Undo deleting',
  /** The name that the table shows for a run without a name. */
  unnamed: (layerTypes: string, time: string) => `${layerTypes}, ${time}`,
  summary: (model: string, adapter: string, mode: string, newTokens: number) =>
    `${model}, ${adapter}, ${mode}, ${newTokens} tokens`,
  under: (policy: string) => `; ${policy}`,
  pin: 'Pin',
  unpin: 'Unpin',
  open: 'Open',
  cite: 'Cite',
  citation: 'Citation',
  delete: 'Delete',
  removed: (run: string) => `The run ${run} was deleted.`,
  /** The spoken name of a button that acts on one run. */
  act: (action: string, run: string) => `${action} ${run}`,
  nameAndText: 'Name and text',
  ofRun: (run: string) => `of ${run}`,
  name: 'Name',
} as const;
