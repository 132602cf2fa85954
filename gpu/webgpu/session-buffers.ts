import type { SessionOptions } from '../backend.ts';
import type { GpuContext } from './device.ts';
import { probabilitiesWords } from './read-probabilities.ts';
import type { Scope } from './memory.ts';
import type { SlotLayout } from '../kv/slots.ts';
import { KvStores } from '../kv/stores.ts';
import { rowAt } from '../kv/rows.ts';
import type { Eviction } from './eviction.ts';
import { MAX_STEPS_IN_FLIGHT } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ropeTable } from '../plan/rope.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import { stepStride, type Bound } from './kernel.ts';
import { RowTables, type RowAt } from './row-tables.ts';
import { packSteps } from './step.ts';

/** The memory of a store, `[slots, (keys, values), kvHeads, headDim]`. Keys are stored rotated. */
export interface StoreBuffer {
  readonly buffer: GPUBuffer;
  readonly slots: SlotLayout;
  /** The row table for stores of this kind. */
  readonly rows: Bound;
  /** The same for writing: under a policy keys may be cached unrotated. */
  readonly rowsToWrite: Bound;
}

/** A session's GPU memory, without the weights. Activations have one row: that of the token being decoded. */
export interface SessionBuffers {
  readonly tokens: GPUBuffer; //     u32 [capacity + 1], by position
  readonly rope: GPUBuffer; //       (cos, sin) [angles, headDim / 2]
  readonly step: GPUBuffer; //       one Step, always the same: one row, the first of its table
  /** The row being decoded, one table for each kind of store. */
  readonly rowTables: RowTables;
  readonly rowTablesBuffer: GPUBuffer;
  /** Any of the row tables, for kernels that ask for no slot. */
  readonly rows: Bound;
  /** What a policy needs; null if everything is kept. */
  readonly eviction: Eviction | null;
  /** The angle that turns nothing. */
  readonly unturned: number;
  /** What the stores hold. */
  readonly stores: KvStores;
  /** Where the stores lie, by owner. */
  readonly storeBuffers: ReadonlyMap<number, StoreBuffer>;
  readonly hidden: GPUBuffer; //     [hiddenSize]
  readonly q: GPUBuffer; //          [heads, headDim]
  readonly attended: GPUBuffer; //   [splits, heads, headDim], and each split's maximum and sum
  readonly activated: GPUBuffer; //  [intermediateSize]
  /** What a projection whose matrix lies in parts gives, before it is finished; null if no matrix does. */
  readonly projected: GPUBuffer | null;
  readonly logits: GPUBuffer; //     [vocabSize]
  readonly seen: GPUBuffer; //       u32 [vocabSize], see sample.wgsl
  readonly sampling: GPUBuffer; //   Options of sample.wgsl
  readonly readBacks: readonly GPUBuffer[]; // one token each, and its probabilities
  /** Null if the session does not compute probabilities. */
  readonly probabilities: {
    readonly logits: GPUBuffer; // [vocabSize], before the sampler changes them
    readonly words: GPUBuffer; //  Probabilities of probabilities.wgsl
  } | null;
  /** Parts into which a decoding attention splits its keys. */
  readonly splits: number;
}

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
  const { keysPerSplit, mostSplits } = context.tuning;
  const splits = Math.min(mostSplits, Math.ceil(capacityTokens / keysPerSplit));
  const floats = (label: string, count: number) => scope.storage(label, 4 * paddedCols(count));
  const qSize = dims.heads * dims.headDim;

  const buffers = new Map<number, GPUBuffer>();
  const angles = eviction?.anglesFor(capacityTokens) ?? capacityTokens;
  const stores = new KvStores(
    sharing,
    dims,
    kvPrecision,
    capacityTokens,
    (owner, bytes) => {
      const buffer = kvScope.storage(`layer-${owner}`, bytes);
      buffers.set(owner, buffer);
      return buffer.size;
    },
    eviction?.caches,
  );
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

  const rope = ropeTable(dims.rope, dims.headDim, angles);
  const turnsNothing = Float32Array.from({ length: dims.headDim }, (_, i) => (i + 1) % 2);
  const ropeBuffer = scope.storage('rope', rope.byteLength + turnsNothing.byteLength);
  context.device.queue.writeBuffer(ropeBuffer, 0, rope);
  context.device.queue.writeBuffer(ropeBuffer, rope.byteLength, turnsNothing);

  return {
    eviction,
    unturned: angles,
    stores,
    storeBuffers,
    rowTables,
    rowTablesBuffer,
    rows: { buffer: rowTablesBuffer, offset: 0 },
    step,
    splits,
    rope: ropeBuffer,
    tokens: floats('tokens', capacityTokens + 1),
    hidden: floats('hidden', dims.hiddenSize),
    q: floats('q', qSize),
    attended: floats('attended', splits * (qSize + 4 * dims.heads)),
    activated: floats('activated', dims.intermediateSize),
    projected: inParts
      ? floats('projected', Math.max(qSize, 2 * dims.kvHeads * dims.headDim, 2 * dims.intermediateSize))
      : null,
    logits: floats('logits', dims.vocabSize),
    seen: floats('seen', dims.vocabSize),
    sampling: scope.uniform('sampling', 32),
    readBacks: Array.from({ length: MAX_STEPS_IN_FLIGHT }, (_, i) =>
      scope.staging(`token-${i}`, options.probabilities ? 4 + 4 * probabilitiesWords : 4),
    ),
    probabilities: options.probabilities
      ? {
          logits: floats('logits as computed', dims.vocabSize),
          words: scope.storage('probabilities', 4 * probabilitiesWords),
        }
      : null,
  };
}
