import { paddedCols } from '../numbers/matrix-format.ts';
import { stepStride, type Recorder, type Recording } from './kernel.ts';
import { attend } from './kernels/attend.ts';
import { copyRows } from './kernels/copy-rows.ts';
import { placeHeads } from './kernels/place-heads.ts';
import { projectFour } from './kernels/project-four.ts';
import { projectMany } from './kernels/project-many.ts';
import { rmsNorm } from './kernels/rms-norm.ts';
import { swiglu } from './kernels/swiglu.ts';
import { attention as attentionParams, cacheHeads, queryHeads } from './layer-params.ts';
import { rowsFrom, type Matrix } from './matrix.ts';
import type { Scope } from './memory.ts';
import { kvRowBytes } from '../kv/usage.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { Forward } from './forward.ts';
import { cacheOf, headOf } from './decode.ts';
import type { Cache } from './session-buffers.ts';

/** What a parallel prefill needs for as long as it runs. Rows of a chunk, but for the hidden states of the whole turn. */
export interface PrefillBuffers {
  readonly steps: GPUBuffer;
  readonly hidden: GPUBuffer; //    [turn, hiddenSize]
  readonly entering: GPUBuffer; //  [turn, hiddenSize], what entered the group that is iterated
  readonly normed: GPUBuffer; //    [chunk, hiddenSize]
  readonly projected: GPUBuffer; // [chunk, heads or 2·kvHeads, headDim]
  readonly q: GPUBuffer; //         [chunk, heads, headDim]
  readonly attended: GPUBuffer; //  [chunk, heads, headDim]
  readonly gates: GPUBuffer; //     [chunk, (gate, up), intermediateSize]
  readonly activated: GPUBuffer; // [chunk, intermediateSize]
  /** Where keys and values lie meanwhile: a ring's rows in a scratch cache that holds the whole turn. */
  readonly caches: ReadonlyMap<number, Cache>;
}

/** @param ringRowsNeeded rows that a scratch cache must hold: the turn's, and those before it that its first row sees */
export function allocatePrefill(
  { dims, text, kvPrecision }: Forward,
  scope: Scope,
  sizes: {
    readonly turnRows: number;
    readonly chunkRows: number;
    readonly steps: number;
    readonly ringRowsNeeded: number;
  },
): PrefillBuffers {
  const { turnRows, chunkRows } = sizes;
  const hiddenCols = paddedCols(dims.hiddenSize);
  const qSize = dims.heads * dims.headDim;
  const kvSize = 2 * dims.kvHeads * dims.headDim;
  const floats = (label: string, count: number) => scope.storage(label, 4 * count);

  const caches = new Map<number, Cache>();
  for (const [owner, cache] of text.caches) {
    const rows = sizes.ringRowsNeeded;
    const bytes = rows * kvRowBytes(dims, kvPrecision);
    caches.set(
      owner,
      cache.slots === 'ring'
        ? { buffer: scope.storage(`kv/layer-${owner}`, bytes), slots: 'scratch', rows }
        : cache,
    );
  }
  return {
    caches,
    steps: scope.uniform('steps', sizes.steps * stepStride),
    hidden: floats('hidden', turnRows * hiddenCols),
    entering: floats('entering', turnRows * hiddenCols),
    normed: floats('normed', chunkRows * hiddenCols),
    projected: floats('projected', chunkRows * Math.max(qSize, kvSize)),
    q: floats('q', chunkRows * qSize),
    attended: floats('attended', chunkRows * qSize),
    gates: floats('gates', chunkRows * 2 * dims.intermediateSize),
    activated: floats('activated', chunkRows * paddedCols(dims.intermediateSize)),
  };
}

/** One layer over a chunk of rows, in the parts that a pass may leave out. `work` is in multiply-adds a row. */
export interface LayerRecordings {
  readonly norm: Recording;
  readonly kv: Recording;
  readonly attention: Recording;
  readonly mlp: Recording;
  readonly kvWork: number;
  readonly attentionWork: number;
  readonly mlpWork: number;
}

export async function recordLayer(
  forward: Forward,
  scope: Scope,
  buffers: PrefillBuffers,
  layer: LayerType,
): Promise<LayerRecordings> {
  const { context, dims, weights, kv, text } = forward;
  const { steps: step, hidden, normed, projected } = buffers;
  const { rope } = text;
  const i = layer.index;
  const hiddenCols = paddedCols(dims.hiddenSize);
  const norm = { dim: dims.hiddenSize, cols: hiddenCols, eps: dims.rmsNormEps };
  const many = (r: Recorder, matrix: Matrix, x: GPUBuffer, bias: GPUBuffer | null, y: GPUBuffer) => {
    multiplyRows(forward, r, { matrix, yStride: matrix.rows, add: false }, { x, bias, y, step });
  };
  const manyOnto = (r: Recorder, matrix: Matrix, x: GPUBuffer, bias: GPUBuffer | null) => {
    multiplyRows(forward, r, { matrix, yStride: hiddenCols, add: true }, { x, bias, y: hidden, step });
  };

  const normRecorder = context.kernels.record(scope);
  normRecorder.add(rmsNorm, norm, {
    x: hidden,
    gain: weights.vector(i, 'attentionNorm'),
    y: normed,
    step,
  });

  const kvRecorder = context.kernels.record(scope);
  const own = kv.get(i);
  if (own) {
    const cache = cacheOf(buffers, i);
    many(kvRecorder, own.matrix, normed, dims.qkvBias ? own.bias : null, projected);
    kvRecorder.add(placeHeads, cacheHeads(forward, cache), {
      x: projected,
      headGain: own.keyNorm,
      rope,
      out: cache.buffer,
      step,
    });
  }

  const attention = context.kernels.record(scope);
  const q = weights.matrix('q', i);
  const o = weights.matrix('o', i);
  const cache = cacheOf(buffers, layer.readsFrom);
  many(attention, q, normed, dims.qkvBias ? weights.vector(i, 'qBias') : null, projected);
  attention.add(placeHeads, queryHeads(dims), {
    x: projected,
    headGain: weights.vector(i, 'qNorm'),
    rope,
    out: buffers.q,
    step,
  });
  attention.add(attend, attentionParams(forward, layer, cache, 1), {
    q: buffers.q,
    kv: cache.buffer,
    y: buffers.attended,
    step,
  });
  manyOnto(attention, o, buffers.attended, dims.outputBias ? weights.vector(i, 'oBias') : null);

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
    mlp: await mlp.finish(),
    kvWork: own ? size(own.matrix) : 0,
    attentionWork: size(q) + size(o),
    mlpWork: size(gates) + size(down),
  };
}

const size = ({ rows, cols }: Matrix) => rows * cols;

/** The rows of the step's positions, between every ring and its scratch cache. */
export function recordRingCopies(
  { context, dims, kvPrecision, text }: Forward,
  scope: Scope,
  buffers: PrefillBuffers,
  fromRing: boolean,
): Promise<Recording> {
  const recorder = context.kernels.record(scope);
  const rowWords = kvRowBytes(dims, kvPrecision) / 4;
  for (const [owner, scratch] of buffers.caches) {
    if (scratch.slots !== 'scratch') continue;
    const ring = cacheOf(text, owner).buffer;
    const [source, sink] = fromRing ? [ring, scratch.buffer] : [scratch.buffer, ring];
    recorder.add(copyRows, { rowWords, fromRing }, { source, sink, step: buffers.steps });
  }
  return recorder.finish();
}

/** Rows of x times a matrix, part by part of it. */
function multiplyRows(
  { context, weights }: Forward,
  r: Recorder,
  { matrix, yStride, add }: { readonly matrix: Matrix; readonly yStride: number; readonly add: boolean },
  {
    x,
    bias,
    y,
    step,
  }: {
    readonly x: GPUBuffer;
    readonly bias: GPUBuffer | null;
    readonly y: GPUBuffer;
    readonly step: GPUBuffer;
  },
): void {
  const kernel = context.tuning.tiled ? projectMany : projectFour;
  for (const part of matrix.parts) {
    r.add(
      kernel,
      { matrix: part, yStride, add, biased: bias !== null },
      {
        x,
        w: part.buffer,
        bias: bias ? rowsFrom(bias, part.firstRow) : weights.vector(0),
        y: rowsFrom(y, part.firstRow),
        step,
      },
    );
  }
}

/** The logits of the step's rows: from `hidden` to `logits`, `[rows, vocabSize]`. */
export function recordLogits(
  forward: Forward,
  scope: Scope,
  { hidden, normed, steps: step }: PrefillBuffers,
  logits: GPUBuffer,
): Promise<Recording> {
  const { context, dims, weights } = forward;
  const recorder = context.kernels.record(scope);
  const head = headOf(dims, weights);
  const norm = { dim: dims.hiddenSize, cols: paddedCols(dims.hiddenSize), eps: dims.rmsNormEps };
  recorder.add(rmsNorm, norm, { x: hidden, gain: weights.vector(0, 'finalNorm'), y: normed, step });
  const product = { matrix: head, yStride: head.rows, add: false };
  multiplyRows(forward, recorder, product, { x: normed, bias: null, y: logits, step });
  return recorder.finish();
}
