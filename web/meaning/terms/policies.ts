import type { Meaning } from '../meaning.ts';
import type { Present } from '../present.ts';
import { cellRows, curves, levels, of, type Look } from '../sketch.ts';

const CELLS = 16;

/** A cache after a text, with a name for each part. */
const cache = (description: string, cells: readonly Look[]) =>
  cellRows(description, [
    { name: 'all rows', cells: of([CELLS, 'held']) },
    { name: 'kept', cells },
  ]);

/** At most so many cells of a picture stand for a number of rows. */
const few = (rows: number | null, most: number, none: number) =>
  Math.max(rows === 0 ? 0 : 1, Math.min(most, rows ?? none));

const heavy: readonly Look[] = Array.from({ length: CELLS }, (_, i) =>
  i >= CELLS - 4 ? 'held' : [1, 5, 6, 9].includes(i) ? 'warm' : 'gone',
);
const sinksAndRecent = ({ sinks, recent }: Present): readonly Look[] => {
  const [first, last] = [few(sinks, 5, 4), few(recent, 8, 5)];
  return of([first, 'warm'], [CELLS - first - last, 'gone'], [last, 'held']);
};
type Part = readonly [name: string, rows: number | null];
function rowsNow(parts: readonly Part[]): string | null {
  let sum = 0;
  for (const [, rows] of parts) {
    if (rows === null) return null;
    sum += rows;
  }
  return `${parts.map(([name, rows]) => `${String(rows)} ${name}`).join(' + ')} = ${sum} rows`;
}
const sinksNow = ({ sinks, recent }: Present) =>
  rowsNow([
    ['sinks', sinks],
    ['recent', recent],
  ]);
const heavyNow = (present: Present) =>
  rowsNow([
    ['heavy', present.heavy],
    ['recent', present.recent],
  ]);

/** What a cache keeps while its text grows. */
export const policies = {
  'Cache policy': {
    why: 'A cache that keeps every token grows without end. A policy lets some rows go, and the text suffers as little as it chooses well.',
    text: 'Each store, and each of its KV heads, decides by itself. A row that has gone never comes back.',
    sketch: () => cache('Of all rows, a policy keeps some', heavy),
    formula: 'rows kept = min(tokens, budget)',
  },
  'Rows kept by': {
    why: 'LESS remembers a little of what another policy evicts. That other policy still decides which rows stay.',
    sketch: (present) => cache('The first and the newest rows stay', sinksAndRecent(present)),
    formula: 'kept by the policy; the others go into the state',
    arxiv: '2402.09398',
  },
  'Trained kernels': {
    why: 'The small state of LESS is only as good as the functions that write and read it, and those are trained, for a model, a plan and a policy.',
    sketch: () =>
      curves('Training brings what the state gives back nearer to what was lost', [
        { look: 'held', values: [1, 0.62, 0.47, 0.4, 0.36, 0.34, 0.33] },
      ]),
    formula: 'φ(q) = |gelu(gelu(q·W1)·W2)|, ψ(k) = |gelu(gelu(k·W1)·W2)·W3|',
    arxiv: '2402.09398',
  },
  Sinks: {
    why: 'Models read the first tokens of a text far more than their content deserves. If those go, the text falls apart.',
    text: 'So many first tokens always stay.',
    sketch: (present) => cache('The first rows stay, and the newest ones', sinksAndRecent(present)),
    formula: 'rows = sinks + recent',
    now: sinksNow,
    arxiv: '2309.17453',
  },
  Recent: {
    why: 'What was just written decides most about the next word, so the newest rows always stay.',
    sketch: (present) => cache('The newest rows stay', sinksAndRecent(present)),
    formula: 'rows = sinks or heavy hitters + recent',
    now: (present) => (present.sinks === null ? heavyNow(present) : sinksNow(present)),
  },
  'Heavy hitters': {
    why: 'A few rows receive most of the attention. To keep those costs little and saves the most.',
    text: 'The rows with the highest scores, of those that are not recent.',
    sketch: () => cache('Rows with the highest scores stay, and the newest ones', heavy),
    formula: 'score = Σ over queries and readers of p(row); rows = heavy + recent',
    now: heavyNow,
    arxiv: '2306.14048',
  },
  Rows: {
    why: 'The fewer rows stay, the less memory a text takes, and the more it forgets.',
    text: 'All rows that a store may hold, the newest included.',
    sketch: ({ rows }) =>
      cache('So many rows stay', of([CELLS - few(rows, 12, 6), 'gone'], [few(rows, 12, 6), 'held'])),
    formula: 'rows = min(tokens, budget)',
    now: ({ rows }) => (rows === null ? null : `min(tokens, ${rows})`),
  },
  'Budget (% of prompt)': {
    why: 'A long prompt needs more memory than a short one. A budget as a fraction of the prompt grows with it.',
    sketch: () => cache('A fraction of the prompt’s rows stays', of([CELLS - 5, 'gone'], [5, 'held'])),
    formula: 'rows = ⌊percent · prompt tokens / 100⌋, at least 1',
    now: ({ promptTokens }) => (promptTokens === null ? null : `⌊percent · ${promptTokens} / 100⌋`),
  },
  'Recent (% of budget)': {
    why: 'Of the rows that stay, the newest are safe from their scores: they have not been read often enough to be judged.',
    sketch: () => cache('A part of the budget is the newest rows', heavy),
    formula: 'recent = ⌊percent · budget / 100⌋, at least 1',
  },
  'Temperature τ': {
    why: 'Keyformer scores rows by a softer softmax than attention, so that rows that are read a little count, too.',
    sketch: () =>
      levels('A higher τ lets more rows count', [
        { name: 'τ = 1', count: 5 },
        { name: 'τ = 2', count: 12 },
      ]),
    formula: 'p = softmax((score + noise) / τ)',
    arxiv: '2403.09054',
  },
  'τ per new token': {
    why: 'The more is evicted, the less the scores can be trusted. Keyformer answers with a temperature that rises with each new token.',
    sketch: () =>
      curves('τ rises with each new token', [{ look: 'held', values: [0.2, 0.35, 0.5, 0.65, 0.8, 0.95] }]),
    formula: 'τ = τ of the prompt + new tokens · this',
    arxiv: '2403.09054',
  },
  'Seed of the noise': {
    why: 'Keyformer adds noise to its scores. The same seed gives the same noise, so a run can be repeated on any device.',
    sketch: () =>
      curves('Noise, the same for the same seed', [
        { look: 'held', values: [0.4, 0.7, 0.2, 0.9, 0.35, 0.55, 0.15, 0.6] },
      ]),
    formula: 'noise = Gumbel(seed, layer, head, query, key)',
  },
  Chunk: {
    why: 'While a prompt is read, all its rows are needed. In chunks it needs the rows of one chunk beside those kept, so that a text may outgrow memory.',
    sketch: ({ chunk }) =>
      cellRows('A prompt in chunks, after each of which the cache is cut', [
        { name: 'chunk 1', cells: of([few(chunk, 6, 5), 'held']) },
        { name: 'chunk 2', cells: of([3, 'warm'], [few(chunk, 6, 5), 'held']) },
      ]),
    formula: 'rows while reading ≤ budget + chunk',
    now: ({ chunk }) => (chunk === null ? 'off: the prompt is read at once' : `budget + ${chunk}`),
  },
  Positions: {
    why: 'When rows go, the others stand apart with holes between them. A model may not know such distances.',
    text: '“Of the text” leaves them where they were. “Of the cache” moves them together, so that a text may outgrow the context that the model was made for.',
    sketch: () =>
      cellRows('Rows with holes between them, and the same rows moved together', [
        { name: 'of the text', cells: of([2, 'held'], [6, 'gone'], [1, 'held'], [2, 'gone'], [3, 'held']) },
        { name: 'of the cache', cells: of([6, 'held']) },
      ]),
    formula: 'angle of a key = its position, or its rank among the rows kept',
  },
  'None: keep everything': {
    why: 'Nothing is lost, and memory grows with every token.',
    sketch: () => cellRows('All rows stay', [{ name: 'kept', cells: of([CELLS, 'held']) }]),
    formula: 'rows = tokens, or the window’s',
  },
  'Sinks and recent (StreamingLLM)': {
    why: 'The simplest policy that works: the first tokens hold a model together, and the newest say what comes next.',
    sketch: (present) => cache('The first rows stay, and the newest ones', sinksAndRecent(present)),
    formula: 'rows = sinks + recent',
    now: sinksNow,
    arxiv: '2309.17453',
  },
  'Λ mask (LESS’s baseline)': {
    why: 'The same rows as StreamingLLM’s, without moving them together: what the paper of LESS compares itself with.',
    sketch: (present) => cache('The first rows stay, and the newest ones', sinksAndRecent(present)),
    formula: 'rows = sinks + recent, at their positions in the text',
    now: sinksNow,
  },
  'H2O (heavy hitters)': {
    why: 'A few tokens receive most of the attention. H2O finds them while it writes, and keeps them beside the newest.',
    sketch: () => cache('Rows with the highest scores stay, and the newest ones', heavy),
    formula: 'score = Σ over queries and readers of p(row); rows = heavy + recent',
    now: heavyNow,
    arxiv: '2306.14048',
  },
  Keyformer: {
    why: 'Scores that were added up early favor old tokens. Keyformer adds noise and a temperature, so that others get their chance.',
    sketch: () => cache('Rows with the highest noisy scores stay, and the newest ones', heavy),
    formula: 'score = Σ of softmax((s + Gumbel noise) / τ)',
    arxiv: '2403.09054',
  },
  TOVA: {
    why: 'What the newest token does not read, the next one will hardly need. TOVA lets the least read row go, and needs no memory of scores.',
    sketch: () => cache('The rows that the newest token reads most stay', heavy),
    formula: 'score = p(row) of the newest query, over all heads',
    now: ({ rows }) => (rows === null ? null : `${rows} rows`),
    arxiv: '2401.06104',
  },
  'Short keys (key norm)': {
    why: 'Keys that are short tend to be read most. Their lengths are known as soon as a row is written, so nothing has to be watched.',
    sketch: () => cache('Rows with the shortest keys stay, and the newest ones', heavy),
    formula: 'score = −‖key‖; rows = heavy + recent',
    now: heavyNow,
    arxiv: '2406.11430',
  },
  'LESS (rows and a small state)': {
    why: 'What is evicted is not forgotten altogether: a small state of constant size keeps a blurred memory of it.',
    sketch: (present) =>
      cellRows('The kept rows, and a state that remembers the others', [
        { name: 'kept', cells: sinksAndRecent(present) },
        { name: 'state', cells: of([3, 'warm']) },
      ]),
    formula: 'output = (φ(q)·H + Σ exp(s)·v) / (φ(q)·z + Σ exp(s))',
    arxiv: '2402.09398',
  },
} satisfies Readonly<Record<string, Meaning>>;
