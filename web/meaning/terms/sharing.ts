import type { Meaning } from '../meaning.ts';
import type { Present } from '../present.ts';
import { cellRows, of, planSketch, timeline, type SketchedLayer } from '../sketch.ts';

const layersOf = (count: number, readsOf: (layer: number) => number): readonly SketchedLayer[] =>
  Array.from({ length: count }, (_, layer) => ({ reads: readsOf(layer), windowed: false }));
const lckv = layersOf(8, (layer) => (layer === 0 || layer === 7 ? layer : 6));

const planNow = ({ plan }: Present) => plan ?? lckv;
const ownersOf = (plan: readonly SketchedLayer[]) => new Set(plan.map(({ reads }) => reads)).size;
const entries = (plan: readonly SketchedLayer[]) =>
  plan.map(({ reads, windowed }) => `${reads}${windowed ? 's' : ''}`).join('_');

const readsAbove = (plan: readonly SketchedLayer[]) =>
  plan.filter(({ reads }, layer) => reads > layer).length;

/** The cells of a windowed and of a full layer after a text. */
const windowCells = (window: number) => {
  const shown = Math.max(1, Math.min(13, Math.round((14 * window) / (window + 40))));
  return of([14 - shown, 'gone'], [shown, 'held']);
};

/** How layers share their keys and values. */
export const sharing = {
  'Layer types': {
    why: 'Layers that read another layer’s keys and values need none of their own: the cache shrinks, and with it the memory of every user of a model.',
    text: 'One entry per layer: the layer whose keys and values it reads, with “s” if it sees them only through the sliding window. A filled layer keeps KV; an arc leads from a reader to the layer that it reads.',
    sketch: (present) =>
      planSketch('The layers of the plan, with arcs to the layers that they read', planNow(present)),
    formula: 'KV = layers that some entry names / layers',
    now: (present) =>
      present.plan &&
      `${entries(present.plan)}: ${ownersOf(present.plan)} / ${present.plan.length} = ${((100 * ownersOf(present.plan)) / present.plan.length).toFixed(1)} %`,
  },
  Preset: {
    why: 'Papers have found ways of sharing that cost little quality. A preset is one of them, for as many layers as the model has.',
    text: 'Each has its paper. Presets that are marked “trained” load weights that were trained for them; under any other plan the text gets worse.',
    sketch: (present) => planSketch('The plan that is set', planNow(present)),
    formula: 'a preset is a rule: number of layers → layer types',
    now: (present) => present.plan && `${present.plan.length} layers → ${entries(present.plan)}`,
  },
  'Warm-up layers': {
    why: 'Where nearly all layers read one of the highest, the first and the last few keep their own KV, because quality suffers most without those.',
    sketch: () =>
      planSketch(
        'Eight layers: the first and the last keep their own KV, and all others read the last but one',
        lckv,
      ),
    formula: 'owners = warm-up layers + 1',
    now: ({ plan }) => plan && `${ownersOf(plan)} of ${plan.length} layers keep KV in this plan`,
    arxiv: '2405.10637',
  },
  'Group size': {
    why: 'Neighboring layers want similar keys and values, so a group of them can share those of its first layer.',
    sketch: () =>
      planSketch(
        'Eight layers in groups of two: the lower one of each keeps KV, and the upper one reads it',
        layersOf(8, (layer) => layer - (layer % 2)),
      ),
    formula: 'owners = layers / group size',
    now: ({ plan }) => plan && `${ownersOf(plan)} of ${plan.length} layers keep KV in this plan`,
    arxiv: '2405.12981',
  },
  'KV layers': {
    why: 'The fewer layers keep KV, the smaller the cache, and the more the others must make do with what those offer.',
    sketch: (present) => planSketch('The plan that is set', planNow(present)),
    formula: 'KV = KV layers / layers',
    now: ({ plan }) => plan && `${ownersOf(plan)} / ${plan.length}`,
    arxiv: '2410.14442',
  },
  'Sliding window': {
    why: 'A layer that sees only the newest tokens needs no more than those in its cache, however long the text grows.',
    text: 'Layers with an “s” in the layer types see this many tokens, their own included. All others see the whole text.',
    sketch: ({ window }) =>
      cellRows(`A cache with a window of ${window} tokens holds only the newest ones; a full one holds all`, [
        { name: 'window', cells: windowCells(window) },
        { name: 'full', cells: of([14, 'held']) },
      ]),
    formula: 'rows = min(tokens, window)',
    now: ({ window, plan, promptTokens, newTokens }) =>
      plan?.some(({ windowed }) => windowed)
        ? `min(${(promptTokens ?? 0) + (newTokens ?? 0) || 'tokens'}, ${window})`
        : `${window}, but no layer of this plan has an “s”`,
  },
  Mode: {
    why: 'A prompt is known as a whole, so it could be read at once. If a layer reads above itself, it would have to wait for a layer that comes later.',
    text: 'Sequential mode reads token by token, which defines the model. Parallel mode reads all at once and runs such layers several times, each time with what the time before left. Fastest takes the one that should be done sooner on this backend; Auto is the rule that LCKV published.',
    sketch: () =>
      timeline('Sequential mode reads a token after another; parallel mode reads all of them a few times', [
        { name: 'sequential', blocks: Array.from({ length: 14 }, () => [1, 'held'] as const) },
        {
          name: 'parallel',
          blocks: [
            [2, 'pale'],
            [2, 'pale'],
            [2, 'pale'],
            [2, 'held'],
          ],
        },
      ]),
    formula:
      'auto: sequential if a layer reads above itself and prompt ≤ forward + backward passes; else parallel',
    now: ({ plan, forwardPasses, backwardPasses }) =>
      plan && readsAbove(plan) === 0
        ? 'no layer of this plan reads above itself: both modes compute the same'
        : `Auto: sequential up to ${forwardPasses} + ${backwardPasses} = ${forwardPasses + backwardPasses} tokens`,
  },
  'Forward passes': {
    why: 'Each pass of parallel mode brings the prompt nearer to what reading it token by token would give. More passes take longer.',
    text: 'In training these passes run without gradients, and the backward passes with them. To read a prompt, both are the same, so only their sum counts.',
    sketch: ({ forwardPasses, backwardPasses }) =>
      cellRows(
        'After each pass one more position is exact',
        [1, 2, 3].map((pass) => ({
          name: `pass ${pass}`,
          cells: of([pass, 'held'], [Math.min(12, forwardPasses + backwardPasses + 3) - pass, 'pale']),
        })),
      ),
    formula: 'passes = forward + backward; after n passes the first n positions are exact',
    now: ({ forwardPasses, backwardPasses }) =>
      `${forwardPasses} + ${backwardPasses} = ${forwardPasses + backwardPasses}`,
    arxiv: '2405.10637',
  },
  'Backward passes': {
    why: 'A model is trained through its last few passes only, because gradients through all of them would take too much memory.',
    text: 'To read a prompt they are passes like the others.',
    sketch: ({ forwardPasses, backwardPasses }) =>
      timeline('In training, forward passes come first, and gradients flow through the backward passes', [
        {
          name: 'passes',
          blocks: [
            ...Array.from({ length: Math.min(20, forwardPasses) }, () => [1, 'pale'] as const),
            ...Array.from({ length: Math.min(20, Math.max(1, backwardPasses)) }, () => [1, 'held'] as const),
          ],
        },
      ]),
    formula: 'passes = forward + backward',
    now: ({ forwardPasses, backwardPasses }) =>
      `${forwardPasses} + ${backwardPasses} = ${forwardPasses + backwardPasses}`,
  },
  Freeze: {
    why: 'With many passes parallel mode gives the same as reading token by token, but most positions are done long before the last pass.',
    text: 'A position sees only those before it. Once a pass has hardly moved it and all of them, the passes after it leave them out. Nothing is left out under a policy that scores, nor where hidden states or attention are shown.',
    sketch: () =>
      cellRows(
        'Each pass leaves out the positions at the front that the pass before no longer moved',
        [0, 2, 5, 9].map((left, pass) => ({
          name: `pass ${pass + 4}`,
          cells: of([left, 'gone'], [12 - left, 'held']),
        })),
      ),
    formula: 'left out: |KV − KV of the pass before| / |KV| < 0.0001 (f16: 0.0003), for it and all before it',
    now: ({ forwardPasses, backwardPasses }) => `of ${forwardPasses + backwardPasses} passes`,
  },
  'No diagonal': {
    why: 'A layer that reads above itself cannot see the token that it is computing: its keys come later. Some models were trained without it everywhere.',
    sketch: () =>
      cellRows('With the diagonal a token sees itself; without it, only those before', [
        { name: 'with', cells: of([8, 'held'], [1, 'held'], [3, 'gone']) },
        { name: 'without', cells: of([8, 'held'], [1, 'gone'], [3, 'gone']) },
      ]),
    formula: 'query q sees key k if k ≤ q; without the diagonal, if k < q',
  },
  'Plan and cache': {
    why: 'The plan says which layers keep keys and values, and this picture shows what that saves, token by token.',
    text: 'Left, the layers with arcs to those that they read. Right, a cell for each token that a cache holds. The boxes behind are what plain LLaMA would hold.',
    sketch: (present) => planSketch('The plan that is set', planNow(present)),
    formula: 'KV = Σ over owners of rows held · bytes of a row',
    now: (present) => present.plan && `${ownersOf(present.plan)} owners of ${present.plan.length} layers`,
  },
} satisfies Readonly<Record<string, Meaning>>;
