import { paddedCols } from '../numbers/matrix-format.ts';
import { stepStride, type Bound, type Recorder, type Recording } from './kernel.ts';
import { attend } from './kernels/attend.ts';
import { attentionTiles } from './kernels/attend-many.ts';
import { placeHeads } from './kernels/place-heads.ts';
import { projectFour, projectTiles } from './kernels/project-rows.ts';
import { rmsNorm } from './kernels/rms-norm.ts';
import { swiglu } from './kernels/swiglu.ts';
import { attention as attentionParams, keyValueHeads, queryHeads } from './layer-params.ts';
import { rowsFrom, type Matrix } from './matrix.ts';
import { RowTables, type RowAt } from './row-tables.ts';
import { rowAt } from '../kv/rows.ts';
import type { PromptStore } from './eviction.ts';
import type { Scope } from './memory.ts';
import { scratchSlots } from '../kv/slots.ts';
import { kvRowBytes } from '../kv/usage.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { Forward } from './forward.ts';
import { headOf, storeOf } from './decode.ts';
import type { StoreBuffer } from './session-buffers.ts';
import type { Step } from './step.ts';

/** What a parallel prefill needs for as long as it runs. Rows of a chunk, but for the hidden states of the whole turn. */
export interface PrefillBuffers {
  readonly steps: GPUBuffer;
  /** The numbers of rows that steps have. */
  readonly rowCounts: ReadonlySet<number>;
  readonly hidden: GPUBuffer; //    [turn, hiddenSize]
  readonly entering: GPUBuffer; //  [turn, hiddenSize], what entered the group that is iterated
  readonly normed: GPUBuffer; //    [chunk, hiddenSize]
  readonly projected: GPUBuffer; // [chunk, heads or 2·kvHeads, headDim]
  readonly q: GPUBuffer; //         [chunk, heads, headDim]
  readonly attended: GPUBuffer; //  [chunk, heads, headDim]
  readonly gates: GPUBuffer; //     [chunk, (gate, up), intermediateSize]
  readonly activated: GPUBuffer; // [chunk, intermediateSize]
  /** The rows of the whole turn, one table for each kind of store. */
  readonly rowTables: RowTables;
  readonly rowTablesBuffer: GPUBuffer;
  /** Any of the row tables, for kernels that ask for no slot. */
  readonly rows: Bound;
  /** The stores under a policy, by owner; null if everything is kept. */
  readonly held: ReadonlyMap<number, PromptStore> | null;
  /** Keyformer's maxima and sums, for each head of a chunk. */
  readonly stats: GPUBuffer;
  /** Where keys and values lie meanwhile: those of a ring in a scratch store that holds the whole turn. */
  readonly storeBuffers: ReadonlyMap<number, StoreBuffer>;
}

/**
 * @param firstScratchPosition the first position of a scratch store: before the turn's, as far as its first row sees
 *                             through a window
 */
export function allocatePrefill(
  { dims, session, kvPrecision }: Forward,
  scope: Scope,
  sizes: {
    readonly turnStart: number;
    readonly turnRows: number;
    readonly chunkRows: number;
    readonly steps: readonly Step[];
    readonly firstScratchPosition: number;
  },
): PrefillBuffers {
  const { turnStart, turnRows, chunkRows, firstScratchPosition } = sizes;
  const hiddenCols = paddedCols(dims.hiddenSize);
  const qSize = dims.heads * dims.headDim;
  const kvSize = 2 * dims.kvHeads * dims.headDim;
  const floats = (label: string, count: number) => scope.storage(label, 4 * count);

  const scratch = scratchSlots(turnStart + turnRows - firstScratchPosition, firstScratchPosition);
  const scratchBytes = scratch.slots * kvRowBytes(dims, kvPrecision);
  const { eviction, unturned } = session;
  const held =
    eviction?.openPrompt((owner) => session.stores.of(owner).rows, turnStart, turnRows, scope) ?? null;
  const tables = new Map<string, RowAt>();
  const placed = new Map(
    [...session.storeBuffers].map(([owner, store]) => {
      const prompt = held?.get(owner);
      if (eviction && prompt) {
        const rows = eviction.promptRowsOf(prompt.before, turnStart, unturned);
        const [read, write] = [`after ${prompt.before}`, `to write after ${prompt.before}`];
        tables.set(read, rows.read);
        tables.set(write, rows.write);
        const slots = scratchSlots(prompt.slots, turnStart - prompt.before);
        return [owner, { buffer: prompt.kv, slots, read, write }] as const;
      }
      const ring = store.slots.kind === 'ring';
      const slots = ring ? scratch : store.slots;
      const buffer = ring ? scope.storage(`kv/layer-${owner}`, scratchBytes) : store.buffer;
      const name = `${slots.kind} from ${slots.firstSlot}`;
      tables.set(name, (position) => rowAt(slots, position, session.place));
      return [owner, { buffer, slots, read: name, write: name }] as const;
    }),
  );
  const rowTables = new RowTables(tables, turnRows);
  const rowTablesBuffer = scope.storage('rows', rowTables.bytes);
  const storeBuffers = new Map(
    [...placed].map(([owner, { buffer, slots, read, write }]) => [
      owner,
      {
        buffer,
        slots,
        rows: rowTables.tableOf(rowTablesBuffer, read),
        rowsToWrite: rowTables.tableOf(rowTablesBuffer, write),
      },
    ]),
  );
  return {
    held,
    storeBuffers,
    rowTables,
    rowTablesBuffer,
    rows: { buffer: rowTablesBuffer, offset: 0 },
    steps: scope.uniform('steps', sizes.steps.length * stepStride),
    rowCounts: new Set(sizes.steps.map(({ rows }) => rows)),
    hidden: floats('hidden', turnRows * hiddenCols),
    entering: floats('entering', turnRows * hiddenCols),
    normed: floats('normed', chunkRows * hiddenCols),
    projected: floats('projected', chunkRows * Math.max(qSize, kvSize)),
    q: floats('q', chunkRows * qSize),
    // Under a policy with each head's maximum and sum.
    attended: floats('attended', chunkRows * (qSize + (eviction ? 4 * dims.heads : 0))),
    stats: floats('noisy stats', eviction ? 4 * chunkRows * dims.heads : 4),
    gates: floats('gates', chunkRows * 2 * dims.intermediateSize),
    activated: floats('activated', chunkRows * paddedCols(dims.intermediateSize)),
  };
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
  forward: Forward,
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
  { context, weights }: Forward,
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

/** The logits of the step's rows: from `hidden` to `logits`, `[rows, vocabSize]`. */
export function recordLogits(
  forward: Forward,
  scope: Scope,
  buffers: PrefillBuffers,
  logits: GPUBuffer,
): Promise<Recording> {
  const { context, dims, weights } = forward;
  const { hidden, normed, steps: step } = buffers;
  const recorder = context.kernels.record(scope);
  const head = headOf(dims, weights);
  const norm = { dim: dims.hiddenSize, cols: paddedCols(dims.hiddenSize), eps: dims.rmsNormEps };
  recorder.add(rmsNorm, norm, { x: hidden, gain: weights.vector(0, 'finalNorm'), y: normed, step });
  const product = { matrix: head, yStride: head.rows, add: false };
  multiplyRows(forward, recorder, product, { x: normed, bias: null, y: logits }, buffers);
  return recorder.finish();
}
