import type { Meaning } from '../meaning.ts';
import type { Present } from '../present.ts';
import { cellRows, chances, curves, of, timeline } from '../sketch.ts';

const perToken = ({ plan, kvHeads, headDim, kvBytes }: Present) => {
  if (!plan || kvHeads === null || headDim === null) return null;
  const owners = new Set(plan.map(({ reads }) => reads)).size;
  return {
    owners,
    bytes: owners * 2 * kvHeads * headDim * kvBytes,
    formula: `${owners} · 2 · ${kvHeads} · ${headDim} · ${kvBytes}`,
  };
};
const perSecond = (tokens: number, ms: number) =>
  `${tokens} / ${(ms / 1000).toFixed(2)} s = ${Math.round((1000 * tokens) / ms)} tokens/s`;

/** What the figures and charts show. */
export const figures = {
  'KV cache': {
    why: 'To write a token, a model must look at the keys and values of all before it. Kept in a cache they need not be computed again, but for long texts and many users this cache, not the model, fills the memory.',
    text: 'For every token it has read, a layer that owns KV keeps one key and one value per KV head. Layers that share read another layer’s. “In use” counts the rows held now; a windowed cache never holds more than its window. The percentage is per token, compared with a plain LLaMA in which every layer keeps its own.',
    sketch: ({ plan }) => {
      const layers = plan ?? Array.from({ length: 4 }, (_, reads) => ({ reads, windowed: false }));
      const owners = new Set(layers.map(({ reads }) => reads));
      return cellRows(
        'A row for each of the first layers: those that keep KV have a cell for each token',
        // The last one above, as in the picture of the plan.
        layers
          .slice(0, 8)
          .map((_, layer) => ({
            name: `layer ${layer}`,
            cells: owners.has(layer) ? of([13, 'held']) : of([13, 'gone']),
          }))
          .toReversed(),
      );
    },
    formula: 'per token = Σ over owners of 2 · KV heads · head size · bytes per number',
    now: (present) => {
      const now = perToken(present);
      return now && `${now.formula} = ${now.bytes} bytes per token`;
    },
  },
  'Decode speed': {
    why: 'This is what a reader feels: how fast the text appears. Every token reads all weights and the cache from memory.',
    text: 'New tokens per second, from the first to the last. The time to read the prompt does not count. After several runs of the same set-up the figure is their median, with the slowest and the fastest of the last ten: a smaller difference is noise. Same set-up: all settings but prompt and seed, a prompt of the same length, and the same adapter and build.',
    sketch: () =>
      timeline('The prompt is read first; then token after token is written', [
        {
          name: 'time',
          blocks: [[5, 'pale'], ...Array.from({ length: 10 }, () => [1, 'held'] as const)],
        },
      ]),
    formula: '(new tokens − 1) / (time of the last − time of the first)',
    now: ({ newTokens, decodeMs }) =>
      newTokens === null || !decodeMs ? null : perSecond(newTokens - 1, decodeMs),
  },
  'Prefill speed': {
    why: 'Before the first word comes, the whole prompt must be read. All its tokens are known, so they are read together.',
    text: 'Tokens of the prompt per second, until the first new token. Compiling kernels does not count. In parallel mode, a plan that reads above itself runs its layers several times. After several runs of the same set-up the figure is their median, with the slowest and the fastest.',
    sketch: () =>
      timeline('The prompt is read first; then token after token is written', [
        {
          name: 'time',
          blocks: [[5, 'held'], ...Array.from({ length: 10 }, () => [1, 'pale'] as const)],
        },
      ]),
    formula: 'prompt tokens / time to the first new token',
    now: ({ promptTokens, prefillMs }) =>
      promptTokens === null || !prefillMs ? null : perSecond(promptTokens, prefillMs),
  },
  Adapter: {
    why: 'A speed means nothing without the machine that it was measured on.',
    text: 'Which processor computes. A software adapter is a CPU behind WebGPU: its speed says nothing about a GPU. The CPU backend computes with a thread per core, at most eight, if the page is isolated from other sites: its host says so with two headers, or the page does it by itself, from the second visit on.',
    sketch: () =>
      timeline('The same work on a processor and on a GPU', [
        { name: 'CPU', blocks: [[8, 'pale']] },
        { name: 'GPU', blocks: [[1, 'held']] },
      ]),
    formula: 'as the browser names it',
  },
  'KV bytes in use': {
    why: 'Memory that a long text takes is memory that no second user can have.',
    text: 'How the cache grows with the text, by the formula that also sets its size, and what the same model would use if every layer kept its own keys and values. The line is flat while a window is full.',
    sketch: () =>
      curves('The cache of the plan grows more slowly than plain LLaMA’s', [
        { look: 'warm', values: [0, 0.25, 0.5, 0.75, 1] },
        { look: 'held', values: [0, 0.1, 0.2, 0.3, 0.375] },
      ]),
    formula: 'Σ over owners of min(tokens, window if windowed) · 2 · KV heads · head size · bytes per number',
  },
  'Tokens per second': {
    why: 'A text that gets slower as it grows pays for its cache: each token reads all of it.',
    text: 'The speed of the last eight tokens, at each token. The figure above is the mean over all tokens.',
    sketch: () =>
      curves('The speed falls a little as the text grows', [
        { look: 'held', values: [0.9, 0.88, 0.86, 0.83, 0.8, 0.78] },
      ]),
    formula: '8 / (time of token n − time of token n − 8)',
  },
  'GPU time by kernel': {
    why: 'It shows which part of the model to make faster, and whether the cache is a bottleneck at all.',
    text: 'After the run, five more steps are decoded with one pass per dispatch and a timestamp before and after each. The table shows the median, added up by kernel. Separate passes cost time that a run does not spend, and browsers round timestamps to 100 µs, so compare the fractions rather than the times.',
    sketch: () =>
      timeline('A step is made of kernels, each with its time', [
        {
          name: 'step',
          blocks: [
            [3, 'held'],
            [1, 'pale'],
            [5, 'warm'],
            [2, 'pale'],
            [4, 'held'],
          ],
        },
      ]),
    formula: 'Σ over a kernel’s dispatches of (end − begin)',
  },
  Tokens: {
    why: 'Where a model was unsure shows what it has learned, and where a plan or a policy hurts it.',
    text: 'The probability is the model’s own: the softmax of its raw logits at temperature 1, before the repetition penalty and before top-k, top-p and min-p cut anything off. Rank 1 is the likeliest token. The time is measured from the token before.',
    sketch: () =>
      chances(
        'Five tokens and their probabilities',
        [0.5, 0.2, 0.15, 0.1, 0.05],
        [0.5, 0.2, 0.15, 0.1, 0.05],
      ),
    formula: 'p(token) = exp(logit) / Σ exp(logits)',
  },
  'Attention of a token': {
    why: 'Attention is how a model uses its cache: what a token reads decides what the model writes next.',
    text: 'How much it reads of each is a probability: those of one head sum to 1. A plan decides whose keys and values a layer reads, a window and a policy which of them are still there: what a policy has evicted is not 0, it is gone, and the others share its part. The text is read again as the run read it, up to the token. In parallel mode the last pass of iterated layers counts; under LESS, a part is recalled of evicted rows.',
    sketch: () =>
      cellRows('Two heads of a layer read different earlier tokens', [
        { name: 'head 0', cells: of([1, 'held'], [6, 'pale'], [2, 'warm'], [1, 'held']) },
        { name: 'head 1', cells: of([3, 'pale'], [1, 'held'], [6, 'pale']) },
      ]),
    formula: 'p(key) = exp(q·k / √head size) / Σ over visible rows of exp(q·k / √head size)',
  },
  Convergence: {
    why: 'Fewer passes read a prompt faster. This shows how many are enough.',
    text: 'In parallel mode, a layer that reads above itself reads what the pass before computed. A cell shows how far a pass moved what the next pass reads at a position: its keys and values in all caches that are read from below. It is 1 at the first pass, which starts from zero, and 0 once the position is settled. After n passes the first n positions are exact.',
    sketch: () =>
      cellRows('Each pass moves fewer positions', [
        { name: 'pass 1', cells: of([12, 'warm']) },
        { name: 'pass 2', cells: of([4, 'pale'], [8, 'warm']) },
        { name: 'pass 3', cells: of([11, 'pale'], [1, 'warm']) },
      ]),
    formula: '‖KV after the pass − KV before it‖ / ‖KV after the pass‖',
  },
} satisfies Readonly<Record<string, Meaning>>;
