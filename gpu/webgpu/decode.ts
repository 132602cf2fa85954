import type { Forward } from './forward.ts';
import type { GpuWeights } from './weights.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import type { Bound, Recorder } from './kernel.ts';
import { attend } from './kernels/attend.ts';
import { gateUp } from './kernels/gate-up.ts';
import type { HeadsParams } from './kernels/heads.ts';
import type { MatvecInput } from './kernels/matvec.ts';
import { placeHeads } from './kernels/place-heads.ts';
import { projectHeads } from './kernels/project-heads.ts';
import { project } from './kernels/project.ts';
import { sample } from './kernels/sample.ts';
import { swiglu } from './kernels/swiglu.ts';
import { attention, keyValueHeads, queryHeads } from './layer-params.ts';
import { rowsFrom, wholeOf, type Matrix } from './matrix.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { recordEmbed } from './embed.ts';
import type { SessionBuffers, StoreBuffer } from './session-buffers.ts';

/** One token through all layers: from its id in `session.tokens` to `session.hidden`, its KV into the stores. */
export function recordLayers(r: Recorder, forward: Forward): void {
  recordEmbedding(r, forward);
  for (const layer of forward.sharing.layers) recordLayer(r, forward, layer);
  const { session } = forward;
  if (session.eviction) {
    session.eviction.record.recordEvictions(
      r,
      forward,
      session.eviction,
      (owner) => storeOf(session, owner).rows,
    );
  }
}

/** The token's embedding, to `session.hidden`. */
export function recordEmbedding(r: Recorder, { weights, session }: Forward): void {
  const { tokens, hidden, rows, step } = session;
  recordEmbed(r, weights, { tokens, hidden, rows, step });
}

/** One layer, onto `session.hidden`. */
export function recordLayer(r: Recorder, forward: Forward, layer: LayerType): void {
  const { dims, weights, keyValueWeights, session } = forward;
  const { heads, rmsNormEps: eps } = dims;
  const normed = { kind: 'normed', dim: dims.hiddenSize, eps } as const;
  const { eviction, hidden, step } = session;
  const none = weights.vector(0);
  const i = layer.index;
  const read = storeOf(session, layer.readsFrom);
  const gain = weights.vector(i, 'attentionNorm');

  recordHeads(r, forward, weights.matrix('q', i), queryHeads(dims), {
    gain,
    bias: weights.vector(i, 'qBias'),
    headGain: weights.vector(i, 'qNorm'),
    out: session.q,
    rows: read.rows,
  });

  const own = keyValueWeights.get(i);
  if (own) {
    const store = storeOf(session, i);
    recordHeads(r, forward, own.matrix, keyValueHeads(forward), {
      gain,
      bias: own.bias,
      headGain: own.keyNorm,
      out: eviction?.stores.get(i)?.row ?? store.buffer,
      rows: store.rowsToWrite,
    });
    eviction?.record.recordPlaceRow(r, forward, eviction, i, store.rows);
  }

  const held = eviction?.stores.get(layer.readsFrom);
  if (eviction && held) {
    const { q, attended } = session;
    const buffers = { q, attended, stats: eviction.stats, rows: read.rows, step };
    const first = forward.sharing.layers.find(({ readsFrom }) => readsFrom === layer.readsFrom) === layer;
    eviction.record.recordHeldAttention(r, forward, eviction, layer, held, buffers, session.splits);
    eviction.record.recordScores(r, forward, eviction, layer, held, buffers, session.splits, first);
    eviction.less?.recordRecall(r, layer, 'session', buffers, session.splits);
  } else {
    r.add(attend, attention(forward, layer, session.splits), {
      q: session.q,
      kv: read.buffer,
      y: session.attended,
      rows: read.rows,
      step,
    });
  }

  multiplyRow(
    r,
    forward,
    {
      matrix: weights.matrix('o', i),
      input: { kind: 'splits', splits: session.splits, heads },
      add: true,
      biased: dims.outputBias,
    },
    { x: session.attended, gain: none, bias: weights.vector(i, 'oBias'), y: hidden },
  );

  recordGateUp(r, forward, i, normed);

  multiplyRow(
    r,
    forward,
    { matrix: weights.matrix('down', i), input: { kind: 'plain' }, add: true, biased: dims.mlpBias },
    { x: session.activated, gain: none, bias: weights.vector(i, 'downBias'), y: hidden },
  );
}

/** The LM head: from `session.hidden` to `session.logits`. */
export function recordHead(r: Recorder, forward: Forward): void {
  const { dims, weights, session } = forward;
  const input = { kind: 'normed', dim: dims.hiddenSize, eps: dims.rmsNormEps } as const;
  multiplyRow(
    r,
    forward,
    { matrix: headOf(dims, weights), input, add: false, biased: false },
    { x: session.hidden, gain: weights.vector(0, 'finalNorm'), bias: weights.vector(0), y: session.logits },
  );
}

interface RowProduct {
  readonly matrix: Matrix;
  readonly input: MatvecInput;
  readonly add: boolean;
  readonly biased: boolean;
}

/** One row times a matrix, part by part of it. */
function multiplyRow(
  r: Recorder,
  { context }: Forward,
  { matrix, ...product }: RowProduct,
  {
    bias,
    y,
    ...input
  }: { readonly x: GPUBuffer; readonly gain: GPUBuffer; readonly bias: GPUBuffer; readonly y: GPUBuffer },
): void {
  for (const part of matrix.parts) {
    r.add(
      project,
      { matrix: part, ...product, tuning: context.tuning.matvec },
      {
        ...input,
        w: part.buffer,
        bias: product.biased ? rowsFrom(bias, part.firstRow) : bias,
        y: rowsFrom(y, part.firstRow),
      },
    );
  }
}

/** The hidden state through the query, or the key and value, projection of a layer, to `out`. */
function recordHeads(
  r: Recorder,
  forward: Forward,
  matrix: Matrix,
  heads: HeadsParams,
  {
    gain,
    bias,
    headGain,
    out,
    rows,
  }: {
    readonly gain: GPUBuffer;
    readonly bias: GPUBuffer;
    readonly headGain: GPUBuffer;
    readonly out: GPUBuffer;
    readonly rows: Bound;
  },
): void {
  const { context, dims, session } = forward;
  const { hidden, rope, step } = session;
  const input = { kind: 'normed', dim: dims.hiddenSize, eps: dims.rmsNormEps } as const;
  const biased = dims.qkvBias;
  const whole = wholeOf(matrix);
  if (whole) {
    const { lanes } = context.tuning.matvec;
    r.add(
      projectHeads,
      { matrix: whole, input, biased, lanes, heads },
      { x: hidden, gain, w: whole.buffer, bias, headGain, rope, out, rows, step },
    );
    return;
  }
  const projected = projectedOf(session);
  multiplyRow(r, forward, { matrix, input, add: false, biased }, { x: hidden, gain, bias, y: projected });
  r.add(placeHeads, heads, { x: projected, headGain, rope, out, rows, step });
}

/** The hidden state through a layer's gate and up, to `session.activated`. */
function recordGateUp(r: Recorder, forward: Forward, layer: number, input: MatvecInput): void {
  const { context, dims, weights, session } = forward;
  const matrix = weights.matrix('gateUp', layer);
  const bias = weights.vector(layer, 'gateBias', 'upBias');
  const gain = weights.vector(layer, 'mlpNorm');
  const biased = dims.mlpBias;
  const whole = wholeOf(matrix);
  if (whole) {
    r.add(
      gateUp,
      { matrix: whole, input, biased, tuning: context.tuning.matvec },
      { x: session.hidden, gain, w: whole.buffer, bias, y: session.activated },
    );
    return;
  }
  const projected = projectedOf(session);
  multiplyRow(
    r,
    forward,
    { matrix, input, add: false, biased },
    { x: session.hidden, gain, bias, y: projected },
  );
  const dim = dims.intermediateSize;
  r.add(swiglu, { dim, yStride: paddedCols(dim) }, { x: projected, y: session.activated });
}

/** The next token: from `session.logits` to `session.tokens`. */
export function recordSample(r: Recorder, { context, dims, session }: Forward): void {
  r.add(
    sample,
    { vocabSize: dims.vocabSize, workgroup: context.tuning.sampleWorkgroup },
    {
      logits: session.logits,
      tokens: session.tokens,
      seen: session.seen,
      options: session.sampling,
      rows: session.rows,
    },
  );
}

export const headOf = (dims: ModelDims, weights: GpuWeights) =>
  weights.matrix(dims.tiedEmbeddings ? 'embed' : 'head');

export function storeOf({ storeBuffers }: Pick<SessionBuffers, 'storeBuffers'>, owner: number): StoreBuffer {
  const store = storeBuffers.get(owner);
  if (!store) throw new Error(`layer ${owner} owns no KV`);
  return store;
}

function projectedOf({ projected }: SessionBuffers): GPUBuffer {
  if (!projected) throw new Error('a matrix lies in parts, and there is no room for its product');
  return projected;
}
