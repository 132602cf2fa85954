import type { StepForward } from './forward.ts';
import type { GpuWeights, KeyValueWeights } from './weights.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import type { Bound, Recorder } from './kernel.ts';
import { attendFew } from './kernels/attend-once.ts';
import { gateUpColumns } from './kernels/gate-up.ts';
import type { HeadsParams } from './kernels/heads.ts';
import { fittingColumns, workgroupFor, type MatvecInput } from './kernels/matvec.ts';
import { placeHeads } from './kernels/place-heads.ts';
import { projectHeadsColumns } from './kernels/project-heads.ts';
import { projectQkvColumns } from './kernels/project-qkv.ts';
import { projectColumns } from './kernels/project.ts';
import { stretchesOf } from './kernels/sample.ts';
import { swiglu } from './kernels/swiglu.ts';
import { recordSampler } from './record-sampler.ts';
import { attention, keyValueHeads, queryHeads } from './layer-params.ts';
import { rowsFrom, wholeOf, type Matrix } from './matrix.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { recordEmbed } from './embed.ts';
import type { StepBuffers, StepStore } from './session-buffers.ts';

/**
 * The step's rows, a token each, through all layers: from its id in `session.tokens` to `session.hidden`, its KV into the
 * stores.
 */
export function recordLayers(r: Recorder, forward: StepForward): void {
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

/** The tokens' embeddings, to `session.hidden`. */
export function recordEmbedding(r: Recorder, { weights, session }: StepForward): void {
  const { tokens, tokenPlaces, hidden, rows, step } = session;
  recordEmbed(r, weights, tokenPlaces, { tokens, hidden, rows, step });
}

/** One layer, onto `session.hidden`. */
export function recordLayer(r: Recorder, forward: StepForward, layer: LayerType): void {
  const { dims, weights, keyValueWeights, session } = forward;
  const { heads, rmsNormEps: eps } = dims;
  const normed = { kind: 'normed', dim: dims.hiddenSize, eps } as const;
  const { eviction, hidden, step } = session;
  const none = weights.vector(0);
  const i = layer.index;
  const read = storeOf(session, layer.readsFrom);

  const q = weights.matrix('q', i);
  const own = keyValueWeights.get(i);
  const store = own && storeOf(session, i);
  const out = store && (eviction?.stores.get(i)?.row ?? store.buffer);
  if (!own || !store || !out) {
    recordQueryHeads(r, forward, i, read.rows);
  } else if (!recordTogether(r, forward, q, own, out, store)) {
    recordQueryHeads(r, forward, i, read.rows);
    recordHeads(r, forward, own.matrix, keyValueHeads(forward), {
      gain: weights.vector(i, 'attentionNorm'),
      bias: own.bias,
      headGain: own.keyNorm,
      out,
      rows: store.rowsToWrite,
    });
  }
  if (store) eviction?.record.recordPlaceRow(r, forward, eviction, i, store.rows);

  const held = eviction?.stores.get(layer.readsFrom);
  if (eviction && held) {
    const { q, attended } = session;
    const buffers = { q, attended, stats: eviction.stats, rows: read.rows, step };
    const first = forward.sharing.layers.find(({ readsFrom }) => readsFrom === layer.readsFrom) === layer;
    eviction.record.recordHeldAttention(r, forward, eviction, layer, held, buffers, session.splits);
    eviction.record.recordScores(r, forward, eviction, layer, held, buffers, session.splits, first);
    eviction.less?.recordRecall(r, layer, 'session', buffers, session.splits);
  } else {
    const params = attention(forward, layer, session.splits);
    r.add(attendFew(params, forward.context.tuning.tiled), params, {
      q: session.q,
      kv: read.buffer,
      y: session.attended,
      rows: read.rows,
      step,
    });
  }

  multiplyRows(
    r,
    forward,
    {
      matrix: weights.matrix('o', i),
      input: { kind: 'splits', splits: session.splits, heads },
      yStride: paddedCols(dims.hiddenSize),
      add: true,
      biased: dims.outputBias,
    },
    { x: session.attended, gain: none, bias: weights.vector(i, 'oBias'), y: hidden },
  );

  recordGateUp(r, forward, i, normed);

  multiplyRows(
    r,
    forward,
    {
      matrix: weights.matrix('down', i),
      input: { kind: 'plain' },
      yStride: paddedCols(dims.hiddenSize),
      add: true,
      biased: dims.mlpBias,
    },
    { x: session.activated, gain: none, bias: weights.vector(i, 'downBias'), y: hidden },
  );
}

/** The LM head: from `session.hidden` to `session.logits`. */
export function recordHead(r: Recorder, forward: StepForward): void {
  const { dims, weights, session } = forward;
  const input = { kind: 'normed', dim: dims.hiddenSize, eps: dims.rmsNormEps } as const;
  const matrix = headOf(dims, weights);
  multiplyRows(
    r,
    forward,
    { matrix, input, yStride: matrix.rows, add: false, biased: false },
    { x: session.hidden, gain: weights.vector(0, 'finalNorm'), bias: weights.vector(0), y: session.logits },
  );
}

interface Product {
  readonly matrix: Matrix;
  readonly input: MatvecInput;
  /** Numbers in a row of the product. */
  readonly yStride: number;
  readonly add: boolean;
  readonly biased: boolean;
}

/** The rows times a matrix, part by part of it. */
function multiplyRows(
  r: Recorder,
  { context, columns }: StepForward,
  { matrix, ...product }: Product,
  {
    bias,
    y,
    ...input
  }: { readonly x: GPUBuffer; readonly gain: GPUBuffer; readonly bias: GPUBuffer; readonly y: GPUBuffer },
): void {
  const kernel = projectColumns(fittingColumns(columns, product.input));
  for (const part of matrix.parts) {
    r.add(
      kernel,
      { matrix: part, ...product, tuning: workgroupFor(part.rows, context.tuning.matvec) },
      {
        ...input,
        w: part.buffer,
        bias: product.biased ? rowsFrom(bias, part.firstRow) : bias,
        y: rowsFrom(y, part.firstRow),
      },
    );
  }
}

/** The hidden states through the query projection of a layer, to `session.q`. */
function recordQueryHeads(r: Recorder, forward: StepForward, layer: number, rows: Bound): void {
  const { dims, weights, session } = forward;
  recordHeads(r, forward, weights.matrix('q', layer), queryHeads(dims), {
    gain: weights.vector(layer, 'attentionNorm'),
    bias: weights.vector(layer, 'qBias'),
    headGain: weights.vector(layer, 'qNorm'),
    out: session.q,
    rows,
  });
}

/**
 * The hidden states through the query, key and value projections of a layer in one dispatch.
 *
 * @returns whether that is possible: on a GPU, if the matrices are whole and of one type, and if a query has the angle of
 *          its key
 */
function recordTogether(
  r: Recorder,
  forward: StepForward,
  q: Matrix,
  own: KeyValueWeights,
  out: GPUBuffer,
  store: StepStore,
): boolean {
  const { context, dims, session, columns } = forward;
  const [matrix, ofKeyValue] = [wholeOf(q), wholeOf(own.matrix)];
  const { tiled, matvec } = context.tuning;
  if (!tiled || !matrix || !ofKeyValue || matrix.type !== ofKeyValue.type) return false;
  if (session.eviction?.ranked) return false;
  r.add(
    projectQkvColumns(columns),
    {
      matrix,
      input: { kind: 'normed', dim: dims.hiddenSize, eps: dims.rmsNormEps },
      biased: dims.qkvBias,
      queryHeads: dims.heads,
      heads: keyValueHeads(forward),
      lanes: matvec.lanes,
    },
    {
      x: session.hidden,
      gain: own.vectors,
      w: matrix.buffer,
      keyValueWeights: ofKeyValue.buffer,
      rope: session.rope,
      queries: session.q,
      out,
      rows: store.rowsToWrite,
      step: session.step,
    },
  );
  return true;
}

/** The hidden states through the query, or the key and value, projection of a layer, to `out`. */
function recordHeads(
  r: Recorder,
  forward: StepForward,
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
  const { context, dims, session, columns } = forward;
  const { hidden, rope, step } = session;
  const input = { kind: 'normed', dim: dims.hiddenSize, eps: dims.rmsNormEps } as const;
  const biased = dims.qkvBias;
  const whole = wholeOf(matrix);
  if (whole) {
    const { lanes } = context.tuning.matvec;
    r.add(
      projectHeadsColumns(columns),
      { matrix: whole, input, biased, lanes, heads },
      { x: hidden, gain, w: whole.buffer, bias, headGain, rope, out, rows, step },
    );
    return;
  }
  const projected = projectedOf(session);
  multiplyRows(
    r,
    forward,
    { matrix, input, yStride: matrix.rows, add: false, biased },
    { x: hidden, gain, bias, y: projected },
  );
  r.add(placeHeads, heads, { x: projected, headGain, rope, out, rows, step });
}

/** The hidden states through a layer's gate and up, to `session.activated`. */
function recordGateUp(r: Recorder, forward: StepForward, layer: number, input: MatvecInput): void {
  const { context, dims, weights, session, columns } = forward;
  const matrix = weights.matrix('gateUp', layer);
  const bias = weights.vector(layer, 'gateBias', 'upBias');
  const gain = weights.vector(layer, 'mlpNorm');
  const biased = dims.mlpBias;
  const dim = dims.intermediateSize;
  const yStride = paddedCols(dim);
  const whole = wholeOf(matrix);
  if (whole) {
    r.add(
      gateUpColumns(columns),
      { matrix: whole, input, yStride, biased, tuning: workgroupFor(whole.rows, context.tuning.matvec) },
      { x: session.hidden, gain, w: whole.buffer, bias, y: session.activated },
    );
    return;
  }
  const projected = projectedOf(session);
  multiplyRows(
    r,
    forward,
    { matrix, input, yStride: matrix.rows, add: false, biased },
    { x: session.hidden, gain, bias, y: projected },
  );
  r.add(swiglu, { dim, yStride }, { x: projected, y: session.activated });
}

/** The next tokens: from `session.logits` to `session.tokens` and `session.drawn`. */
export function recordSample(r: Recorder, { context, dims, session }: StepForward): void {
  const { logits, tokens, tokenPlaces, seen, sampling: options, rows, drawn, found } = session;
  const { vocabSize } = dims;
  const { tiled, sampleWorkgroup: workgroup } = context.tuning;
  const stretches = tiled ? stretchesOf(vocabSize) : 0;
  recordSampler(
    r,
    { vocabSize, tokenPlaces, workgroup, stretches },
    { logits, tokens, seen, options, rows, drawn, found },
  );
}

export const headOf = (dims: ModelDims, weights: GpuWeights) =>
  weights.matrix(dims.tiedEmbeddings ? 'embed' : 'head');

export function storeOf<Store extends StepStore>(
  { storeBuffers }: { readonly storeBuffers: ReadonlyMap<number, Store> },
  owner: number,
): Store {
  const store = storeBuffers.get(owner);
  if (!store) throw new Error(`layer ${owner} owns no KV`);
  return store;
}

function projectedOf({ projected }: StepBuffers): GPUBuffer {
  if (!projected) throw new Error('a matrix lies in parts, and there is no room for its product');
  return projected;
}
