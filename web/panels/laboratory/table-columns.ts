import type { FigureColumn } from '../../../worker/laboratory/summary.ts';

/** What repeats another figure, or what few people ask for. */
const more = new Set([
  ...['perplexity per word', 'perplexity per byte', 'accuracy by characters', 'accuracy by bytes'],
  'accuracy by mutual information',
  ...['exact nuclear norm, after the final norm', 'log-likelihood'],
]);

/** The columns that the table shows; all of them if they are asked for. */
export const shownColumns = (columns: readonly FigureColumn[], all: boolean): readonly FigureColumn[] => {
  if (all) return columns;
  const shown = columns.filter(({ name }) => !more.has(name));
  const bytes = shown.filter(({ name }) => name === 'KV bytes in use');
  // Several measures say the bytes. Those of the first one are enough.
  return shown.filter((column) => !bytes.slice(1).includes(column));
};
