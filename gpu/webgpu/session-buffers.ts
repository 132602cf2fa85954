import type { SessionOptions } from '../backend.ts';
import type { GpuContext } from './device.ts';
import { SAMPLING_BYTES } from './pack-sampling.ts';
import { probabilitiesWords } from './read-probabilities.ts';
import type { Scope } from './memory.ts';
import type { SlotLayout } from '../kv/slots.ts';
import { KvStores } from '../kv/stores.ts';
import { rowAt } from '../kv/rows.ts';
import type { Eviction } from './eviction.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ropeTable } from '../plan/rope.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import { stepStride, type Bound } from './kernel.ts';
import { splitsFor } from './kernels/attend.ts';
import { foundBytes } from './kernels/sample.ts';
import { RowTables, type RowAt } from './row-tables.ts';
import { packSteps } from './step.ts';
import { roomOf, stepBytesOf, stepsInFlightOf } from './tokens-in-flight.ts';

/** A store as a step sees it: `[slots, (keys, values), kvHeads, headDim]`. Keys are stored rotated. */
export interface StepStore {
  readonly buffer: GPUBuffer;
  /** The row table for stores of this kind. */
  readonly rows: Bound;
  /** The same for writing: under a policy keys may be cached unrotated. */
  readonly rowsToWrite: Bound;
}

/** A store of one text. */
export interface StoreBuffer extends StepStore {
  readonly slots: SlotLayout;
}

/** What a decoding step reads and writes, without the weights. Rows are those of the step: one for each text. */
export interface StepBuffers {
  readonly tokens: GPUBuffer; //     u32 [texts, tokenPlaces], by position
  /** Room for a text's tokens: one more than it has positions. */
  readonly tokenPlaces: number;
  readonly rope: GPUBuffer; //       (cos, sin) [angles, headDim / 2]
  readonly step: GPUBuffer; //       Steps
  readonly rowTablesBuffer: GPUBuffer;
  /** Any of the row tables, for kernels that ask for no slot. */
  readonly rows: Bound;
  /** What a policy needs; null if everything is kept. */
  readonly eviction: Eviction | null;
  /** Where the stores lie, by owner. */
  readonly storeBuffers: ReadonlyMap<number, StepStore>;
  readonly hidden: GPUBuffer; //     [rows, hiddenSize]
  readonly q: GPUBuffer; //          [rows, heads, headDim]
  readonly attended: GPUBuffer; //   as attend.wgsl leaves it
  readonly activated: GPUBuffer; //  [rows, intermediateSize]
  /** What a projection whose matrix lies in parts gives, before it is finished; null if no matrix does. */
  readonly projected: GPUBuffer | null;
  readonly logits: GPUBuffer; //     [rows, vocabSize]
  readonly seen: GPUBuffer; //       u32 [texts, vocabSize], see sample.wgsl
  readonly sampling: GPUBuffer; //   Options of sample.wgsl [texts]
  readonly drawn: GPUBuffer; //      u32 [rows], the tokens that were drawn last
  readonly found: GPUBuffer; //      [rows], what found.wgsl says of stretches of the logits
  readonly readBacks: readonly GPUBuffer[]; // what was drawn
  /** Null if no probabilities are computed. */
  readonly probabilities: {
    readonly logits: GPUBuffer; // [vocabSize], before the sampler changes them
    readonly words: GPUBuffer; //  Probabilities of probabilities.wgsl
  } | null;
  /** Parts into which a decoding attention splits its keys. */
  readonly splits: number;
}

/** What one text has. Its own steps have one row. */
export interface SessionBuffers extends StepBuffers {
  /** Which of the texts it is that have buffers in common. */
  readonly place: number;
  /** The row being decoded, one table for each kind of store. */
  readonly rowTables: RowTables;
  /** The angle that turns nothing. */
  readonly unturned: number;
  /** What the stores hold. */
  readonly stores: KvStores;
  readonly storeBuffers: ReadonlyMap<number, StoreBuffer>;
}

/** Bytes of what a step of so many rows computes with. */
export function activationBytes(dims: ModelDims, rows: number, splits: number, inParts: boolean) {
  const qSize = dims.heads * dims.headDim;
  const kvSize = 2 * dims.kvHeads * dims.headDim;
  const floats = (count: number) => 4 * rows * count;
  return {
    hidden: floats(paddedCols(dims.hiddenSize)),
    q: floats(qSize),
    attended: floats(splits * (qSize + 4 * dims.heads)),
    activated: floats(paddedCols(dims.intermediateSize)),
    ...(inParts && { projected: floats(Math.max(qSize, kvSize, 2 * dims.intermediateSize)) }),
    logits: floats(dims.vocabSize),
    drawn: 4 * rows,
    found: rows * foundBytes(dims.vocabSize),
  };
}

/** Makes room for it. */
export function allocateActivations(scope: Scope, bytes: ReturnType<typeof activationBytes>) {
  return {
    hidden: scope.storage('hidden', bytes.hidden),
    q: scope.storage('q', bytes.q),
    attended: scope.storage('attended', bytes.attended),
    activated: scope.storage('activated', bytes.activated),
    projected: bytes.projected === undefined ? null : scope.storage('projected', bytes.projected),
    logits: scope.storage('logits', bytes.logits),
    drawn: scope.storage('drawn', bytes.drawn),
    found: scope.storage('found', bytes.found),
  };
}

/** Writes the angles of a text's positions, and behind them one that turns nothing. */
export function putAngles({ device }: GpuContext, dims: ModelDims, angles: number, buffer: GPUBuffer): void {
  const rope = ropeTable(dims.rope, dims.headDim, angles);
  const turnsNothing = Float32Array.from({ length: dims.headDim }, (_, i) => (i + 1) % 2);
  device.queue.writeBuffer(buffer, 0, rope);
  device.queue.writeBuffer(buffer, rope.byteLength, turnsNothing);
}

/** Bytes of so many angles, and the one that turns nothing. */
export const angleBytes = ({ headDim }: ModelDims, angles: number) => 4 * headDim * (angles + 1);

/**
 * Allocates a session of at most `capacityTokens` positions: its stores in `kvScope`, the rest in `scope`.
 *
 * @param inParts  whether some matrix lies in parts
 * @param eviction what a policy needs; null to keep everything
 */
export function allocateSession(
  context: GpuContext,
  dims: ModelDims,
  options: SessionOptions,
  scope: Scope,
  kvScope: Scope,
  inParts: boolean,
  eviction: Eviction | null,
): SessionBuffers {
  const { sharing, kvPrecision, capacityTokens } = options;

  const buffers = new Map<number, GPUBuffer>();
  const angles = eviction?.anglesFor(capacityTokens) ?? capacityTokens;
  const stores = new KvStores(
    sharing,
    dims,
    kvPrecision,
    capacityTokens,
    ({ layer }, slots, rowBytes) => {
      const buffer = kvScope.storage(`layer-${layer}`, slots * rowBytes);
      buffers.set(layer, buffer);
      return { bytes: buffer.size, firstSlot: 0 };
    },
    eviction?.caches,
  );
  const { mostSplits, attendWorkgroup: workgroup } = context.tuning;
  const mostKeys = Math.max(capacityTokens, ...stores.caches.map(({ slots }) => slots.slots));
  const splits = splitsFor(mostKeys, { headDim: dims.headDim, workgroup, mostSplits });
  const tokenPlaces = capacityTokens + 1;
  const readBacks = roomOf(stepsInFlightOf(stores));
  const stepBytes = stepBytesOf(options.probabilities ?? false);
  const tables = new Map<string, RowAt>();
  const names = new Map<number, { readonly read: string; readonly write: string }>();
  for (const cache of stores.caches) {
    if (eviction) {
      const { name, read, write } = eviction.rowsOf(cache.owner, angles);
      const writing = eviction.ranked ? `${name} to write` : name;
      tables.set(name, read);
      tables.set(writing, write);
      names.set(cache.owner, { read: name, write: writing });
    } else {
      tables.set(cache.slots.kind, (position) => rowAt(cache.slots, position));
      names.set(cache.owner, { read: cache.slots.kind, write: cache.slots.kind });
    }
  }
  const rowTables = new RowTables(tables, 1);
  const rowTablesBuffer = scope.storage('rows', rowTables.bytes);
  const storeBuffers = new Map(
    stores.caches.map(({ owner, slots }) => {
      const buffer = eviction?.stores.get(owner)?.kv ?? buffers.get(owner);
      const name = names.get(owner);
      if (!buffer || !name) throw new Error(`layer ${owner} has no memory`);
      const rows = rowTables.tableOf(rowTablesBuffer, name.read);
      const rowsToWrite = rowTables.tableOf(rowTablesBuffer, name.write);
      return [owner, { buffer, slots, rows, rowsToWrite }];
    }),
  );
  const step = scope.uniform('step', stepStride);
  context.device.queue.writeBuffer(
    step,
    0,
    packSteps([{ rows: 1, firstRow: 0, windowTokens: sharing.windowTokens }]),
  );

  const rope = scope.storage('rope', angleBytes(dims, angles));
  putAngles(context, dims, angles, rope);

  return {
    eviction,
    place: 0,
    unturned: angles,
    stores,
    storeBuffers,
    rowTables,
    rowTablesBuffer,
    rows: { buffer: rowTablesBuffer, offset: 0 },
    step,
    splits,
    rope,
    tokens: scope.storage('tokens', 4 * tokenPlaces),
    tokenPlaces,
    ...allocateActivations(scope, activationBytes(dims, 1, splits, inParts)),
    seen: scope.storage('seen', 4 * dims.vocabSize),
    sampling: scope.storage('sampling', SAMPLING_BYTES),
    readBacks: Array.from({ length: readBacks.buffers }, (_, i) =>
      scope.staging(`tokens-${i}`, readBacks.steps * stepBytes),
    ),
    probabilities: options.probabilities
      ? {
          logits: scope.storage('logits as computed', 4 * dims.vocabSize),
          words: scope.storage('probabilities', 4 * probabilitiesWords),
        }
      : null,
  };
}
