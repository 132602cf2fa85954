import { paddedCols } from '../numbers/matrix-format.ts';
import type { Bound, Recorder, Recording } from './kernel.ts';
import { attend } from './kernels/attend.ts';
import { attentionTiles } from './kernels/attend-many.ts';
import { placeHeads } from './kernels/place-heads.ts';
import { projectFour, projectTiles } from './kernels/project-rows.ts';
import { rmsNorm } from './kernels/rms-norm.ts';
import { swiglu } from './kernels/swiglu.ts';
import { attention as attentionParams, keyValueHeads, queryHeads } from './layer-params.ts';
import { rowsFrom, type Matrix } from './matrix.ts';
import type { HeldStore } from './evicting-layer.ts';
import type { Scope } from './memory.ts';
import type { PrefillScratch } from './prefill-scratch.ts';
import type { PromptStoreBuffer } from './prompt-stores.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { StepForward } from './forward.ts';
import { headOf, storeOf } from './decode.ts';

/** What a prefill works on. */
export interface PrefillBuffers extends PrefillScratch {
  readonly steps: GPUBuffer;
  /** The numbers of rows by which the kernels of steps are chosen. */
  readonly rowCounts: ReadonlySet<number>;
  /** Any of the row tables, for kernels that ask for no slot. */
  readonly rows: Bound;
  /** The stores under a policy, by owner; null if everything is kept. */
  readonly held: ReadonlyMap<number, HeldStore> | null;
  /** Where keys and values lie meanwhile: those of a ring in a scratch store that holds the whole turn. */
  readonly storeBuffers: ReadonlyMap<number, PromptStoreBuffer>;
}

/** One layer over a chunk of rows, in the parts that a pass may leave out. `work` is in multiply-adds a row. */
export interface LayerRecordings {
  readonly norm: Recording;
  readonly kv: Recording;
  /** From the queries to what attention gives, and from there onto the hidden states. */
  readonly attention: Recording;
  /** What the queries add to the scores of a policy. It stands between the two. */
  readonly scores: Recording;
  readonly afterAttention: Recording;
  readonly mlp: Recording;
  readonly kvWork: number;
  readonly attentionWork: number;
  readonly mlpWork: number;
}

export async function recordLayer(
  forward: StepForward,
  scope: Scope,
  buffers: PrefillBuffers,
  layer: LayerType,
): Promise<LayerRecordings> {
  const { context, dims, weights, keyValueWeights, session } = forward;
  const { steps: step, hidden, normed, projected } = buffers;
  const { eviction, rope } = session;
  const i = layer.index;
  const hiddenCols = paddedCols(dims.hiddenSize);
  const norm = { dim: dims.hiddenSize, cols: hiddenCols, eps: dims.rmsNormEps };
  const many = (r: Recorder, matrix: Matrix, x: GPUBuffer, bias: GPUBuffer | null, y: GPUBuffer) => {
    multiplyRows(forward, r, { matrix, yStride: matrix.rows, add: false }, { x, bias, y }, buffers);
  };
  const manyOnto = (r: Recorder, matrix: Matrix, x: GPUBuffer, bias: GPUBuffer | null) => {
    multiplyRows(forward, r, { matrix, yStride: hiddenCols, add: true }, { x, bias, y: hidden }, buffers);
  };

  const normRecorder = context.kernels.record(scope);
  normRecorder.add(rmsNorm, norm, {
    x: hidden,
    gain: weights.vector(i, 'attentionNorm'),
    y: normed,
    step,
  });

  const kvRecorder = context.kernels.record(scope);
  const own = keyValueWeights.get(i);
  if (own) {
    const store = storeOf(buffers, i);
    many(kvRecorder, own.matrix, normed, dims.qkvBias ? own.bias : null, projected);
    kvRecorder.add(placeHeads, keyValueHeads(forward), {
      x: projected,
      headGain: own.keyNorm,
      rope,
      out: store.buffer,
      rows: store.rowsToWrite,
      step,
    });
    const held = buffers.held?.get(i);
    if (eviction && held) {
      const next = eviction.stores.get(i)?.next ?? held.added; // not read
      eviction.record.recordKeyScores(kvRecorder, forward, eviction, held, next, store.rows, step, false);
    }
  }

  const attention = context.kernels.record(scope);
  const q = weights.matrix('q', i);
  const o = weights.matrix('o', i);
  const read = storeOf(buffers, layer.readsFrom);
  many(attention, q, normed, dims.qkvBias ? weights.vector(i, 'qBias') : null, projected);
  attention.add(placeHeads, queryHeads(dims), {
    x: projected,
    headGain: weights.vector(i, 'qNorm'),
    rope,
    out: buffers.q,
    rows: read.rows,
    step,
  });
  const scores = context.kernels.record(scope);
  const afterAttention = context.kernels.record(scope);
  const held = buffers.held?.get(layer.readsFrom);
  if (eviction && held) {
    const queries = { q: buffers.q, attended: buffers.attended, stats: buffers.stats, rows: read.rows, step };
    eviction.record.recordHeldAttention(
      attention,
      forward,
      eviction,
      layer,
      held,
      queries,
      1,
      buffers.rowCounts,
    );
    eviction.record.recordScores(scores, forward, eviction, layer, held, queries, 1, false);
    // Scores are those of the rows alone, so they come first.
    eviction.less?.recordRecall(afterAttention, layer, 'prompt', queries, 1);
  } else {
    const params = attentionParams(forward, layer, 1);
    const { q, attended: y } = buffers;
    const bound = { q, kv: read.buffer, y, rows: read.rows, step };
    if (context.tuning.tiled) {
      attention.addForRows(attentionTiles(params), buffers.rowCounts, params, bound);
    } else {
      attention.add(attend, params, bound);
    }
  }
  manyOnto(afterAttention, o, buffers.attended, dims.outputBias ? weights.vector(i, 'oBias') : null);

  const mlp = context.kernels.record(scope);
  const gates = weights.matrix('gateUp', i);
  const down = weights.matrix('down', i);
  mlp.add(rmsNorm, norm, { x: hidden, gain: weights.vector(i, 'mlpNorm'), y: normed, step });
  many(mlp, gates, normed, dims.mlpBias ? weights.vector(i, 'gateBias', 'upBias') : null, buffers.gates);
  mlp.add(
    swiglu,
    { dim: dims.intermediateSize, yStride: paddedCols(dims.intermediateSize) },
    { x: buffers.gates, y: buffers.activated },
  );
  manyOnto(mlp, down, buffers.activated, dims.mlpBias ? weights.vector(i, 'downBias') : null);

  return {
    norm: await normRecorder.finish(),
    kv: await kvRecorder.finish(),
    attention: await attention.finish(),
    scores: await scores.finish(),
    afterAttention: await afterAttention.finish(),
    mlp: await mlp.finish(),
    kvWork: own ? size(own.matrix) : 0,
    attentionWork: size(q) + size(o),
    mlpWork: size(gates) + size(down),
  };
}

const size = ({ rows, cols }: Matrix) => rows * cols;

/** Rows of x times a matrix, part by part of it. */
function multiplyRows(
  { context, weights }: StepForward,
  r: Recorder,
  { matrix, yStride, add }: { readonly matrix: Matrix; readonly yStride: number; readonly add: boolean },
  { x, bias, y }: { readonly x: GPUBuffer; readonly bias: GPUBuffer | null; readonly y: GPUBuffer },
  { steps: step, rowCounts }: Pick<PrefillBuffers, 'steps' | 'rowCounts'>,
): void {
  for (const part of matrix.parts) {
    const params = { matrix: part, yStride, add, biased: bias !== null };
    const buffers = {
      x,
      w: part.buffer,
      bias: bias ? rowsFrom(bias, part.firstRow) : weights.vector(0),
      y: rowsFrom(y, part.firstRow),
      step,
    };
    if (context.tuning.tiled) r.addForRows(projectTiles, rowCounts, params, buffers);
    else r.add(projectFour, params, buffers);
  }
}

/** The logits of the step's rows: from hidden states to `logits`, `[rows, vocabSize]`. */
export function recordLogits(
  forward: StepForward,
  scope: Scope,
  hidden: GPUBuffer,
  buffers: Pick<PrefillBuffers, 'normed' | 'steps' | 'rowCounts'>,
  logits: GPUBuffer,
): Promise<Recording> {
  const { context, dims, weights } = forward;
  const { normed, steps: step } = buffers;
  const recorder = context.kernels.record(scope);
  const head = headOf(dims, weights);
  const norm = { dim: dims.hiddenSize, cols: paddedCols(dims.hiddenSize), eps: dims.rmsNormEps };
  recorder.add(rmsNorm, norm, { x: hidden, gain: weights.vector(0, 'finalNorm'), y: normed, step });
  const product = { matrix: head, yStride: head.rows, add: false };
  multiplyRows(forward, recorder, product, { x: normed, bias: null, y: logits }, buffers);
  return recorder.finish();
}
