import { kvRowBytes, kvRowsAllocated, MAX_STEPS_IN_FLIGHT, type KvPrecision } from '../kv/usage.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { kvOwners, type KvOwner, type Sharing } from '../plan/sharing.ts';
import type { EvictionFacts } from './batch-eviction.ts';
import type { GpuContext } from './device.ts';
import { allocateEviction, sharedBytes, storeBytes, type EvictionMemory } from './eviction-memory.ts';
import { stepStride } from './kernel.ts';
import { lessBytes } from './less-memory.ts';
import { splitsFor } from './kernels/attend.ts';
import { columnsFor, type Columns } from './kernels/columns.ts';
import { allocatedSize, type Scope } from './memory.ts';
import { MOST_TEXTS } from './pack-policy.ts';
import { SAMPLING_BYTES } from './pack-sampling.ts';
import { scratchBytes, type ScratchSizes } from './prefill-scratch.ts';
import { tableBytes } from './row-tables.ts';
import {
  activationBytes,
  allocateActivations,
  angleBytes,
  putAngles,
  type StepBuffers,
  type StepStore,
} from './session-buffers.ts';
import { packSteps } from './step.ts';

/** What the sizes of a batch follow from, apart from its places. */
export interface BatchFacts {
  readonly dims: ModelDims;
  readonly sharing: Sharing;
  readonly kvPrecision: KvPrecision;
  /** Positions of the texts that will be opened, the most first. */
  readonly capacities: readonly number[];
  readonly splits: number;
  /** Whether some matrix lies in parts. */
  readonly inParts: boolean;
  readonly mostColumns: Columns;
  /** The most tokens of a turn. */
  readonly turnTokens: number;
  /** Rows of turns that go through a layer at a time. */
  readonly chunkRows: number;
  /** Null if everything is kept. */
  readonly eviction: EvictionFacts | null;
}

/** Stores of a kind have slots in the same places: those that windows pass, or those that keep everything. */
export type StoreKind = 'windowed' | 'whole';
export const kindOf = ({ windowed }: KvOwner): StoreKind => (windowed ? 'windowed' : 'whole');

/** The kinds that a plan has. */
export const kindsOf = (sharing: Sharing): readonly StoreKind[] => [
  ...new Set(kvOwners(sharing.layers).map(kindOf)),
];

/** Row tables of a batch, in the order in which they lie in their buffer. */
export const tableNames = ({ sharing, eviction }: BatchFacts): readonly string[] =>
  kindsOf(sharing).flatMap((kind) => (eviction?.ranked ? [kind, toWrite(kind)] : [kind]));

/** The table by which stores of a kind are written, if that is another one. */
export const toWrite = (kind: StoreKind) => `${kind}, to write`;

/** Angles of the batch's table. */
export const anglesOf = (facts: BatchFacts) => facts.eviction?.angles ?? mostCapacity(facts);

export const mostCapacity = ({ capacities: [most = 1] }: Pick<BatchFacts, 'capacities'>) => most;

/** Slots of a store of this kind for the largest texts that may be open at once. */
export function slotsFor({ capacities, sharing }: BatchFacts, kind: StoreKind, places: number): number {
  const owner = { layer: 0, windowed: kind === 'windowed' };
  const rowsOf = (capacity: number) => kvRowsAllocated(owner, capacity, sharing.windowTokens);
  const announced = capacities.slice(0, places).reduce((slots, capacity) => slots + rowsOf(capacity), 0);
  // Where texts are opened more often than they were announced, any may be the largest.
  return announced + Math.max(0, places - capacities.length) * rowsOf(mostCapacity({ capacities }));
}

/** Rows for which a step has room: as many as kernels take at once, or a multiple of that. */
export function roomFor({ mostColumns }: BatchFacts, places: number): number {
  const columns = columnsFor(places, mostColumns);
  return Math.ceil(places / columns) * columns;
}

/** What a step leaves: a token for every row. */
export const readBackBytes = (facts: BatchFacts, places: number) => 4 * roomFor(facts, places);

/** The scratch for turns of that many texts: for one that is as long as can be, or for as many as fill a block. */
export function scratchSizes(facts: BatchFacts, places: number): ScratchSizes {
  const { dims, sharing, kvPrecision, eviction, turnTokens, chunkRows } = facts;
  const { windowTokens } = sharing;
  const capacity = mostCapacity(facts);
  const together = (ofOne: number) => Math.max(ofOne, Math.min(places * ofOne, chunkRows));
  const rows = together(Math.min(turnTokens, capacity));
  const kinds = kindsOf(sharing);
  const slotsBehind = (before: number) => together(Math.min(turnTokens + before, capacity));
  const rings = eviction === null && capacity > windowTokens + MAX_STEPS_IN_FLIGHT;
  return {
    dims,
    kvPrecision,
    rows: rows + (places === 1 ? 0 : Math.min(places, rows)),
    blockRows: Math.min(chunkRows, rows),
    tables: (eviction ? 2 : 1) * kinds.length,
    windowed: new Map(
      rings
        ? kvOwners(sharing.layers)
            .filter(({ windowed }) => windowed)
            .map(({ layer }) => [layer, slotsBehind(windowTokens - 1)])
        : [],
    ),
    evicting: eviction && new Map([...eviction.strides].map(([owner, slots]) => [owner, slotsBehind(slots)])),
  };
}

function sizesOf(facts: BatchFacts, places: number) {
  const { dims, sharing, kvPrecision, splits, inParts, eviction } = facts;
  const rows = roomFor(facts, places);
  const rowBytes = kvRowBytes(dims, kvPrecision);
  const kernels = eviction?.example.kernels ?? null;
  const evicting = { dims, kvPrecision, noisy: eviction?.noisy ?? false, rows, kernels };
  const less = kernels && lessBytes(kernels, places);
  const stores = [...(eviction?.strides ?? [])].map(([, stride]) => storeBytes(evicting, stride, places));
  return {
    kv: new Map(
      eviction
        ? []
        : kvOwners(sharing.layers).map((owner) => [
            owner.layer,
            slotsFor(facts, kindOf(owner), places) * rowBytes,
          ]),
    ),
    activations: activationBytes(dims, rows, splits, inParts),
    texts: {
      tokens: 4 * places * (mostCapacity(facts) + 1),
      seen: 4 * places * dims.vocabSize,
      sampling: places * SAMPLING_BYTES,
      waiting: 4 * places * paddedCols(dims.hiddenSize),
      rows: tableNames(facts).length * tableBytes(rows),
      rope: angleBytes(dims, anglesOf(facts)),
    },
    evicting: {
      kv: [...stores.flatMap(({ kept }) => Object.values(kept)), ...(less?.kv ?? [])],
      others: [
        ...stores.map(({ row }) => row),
        ...(eviction ? Object.values(sharedBytes(evicting)) : []),
        ...(less?.others ?? []),
      ],
    },
    scratch: scratchBytes(scratchSizes(facts, places)),
    steps: 2 * stepStride,
    readBack: readBackBytes(facts, places),
  };
}

/** What the ledger counts for the buffers of a batch: the stores, and the others. */
export function batchBytes(
  facts: BatchFacts,
  places: number,
): { readonly kv: number; readonly others: number } {
  const { kv, activations, texts, evicting, scratch, steps, readBack } = sizesOf(facts, places);
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + allocatedSize(size), 0);
  const others = [
    ...Object.values(activations),
    ...Object.values(texts),
    ...evicting.others,
    ...scratch,
    steps,
  ];
  return {
    kv: sum([...kv.values(), ...evicting.kv]),
    others: sum(others) + MAX_STEPS_IN_FLIGHT * allocatedSize(readBack),
  };
}

/** The most places of which a kernel can see every buffer at once. */
export function mostPlaces(
  facts: BatchFacts,
  {
    maxBufferSize,
    maxStorageBufferBindingSize,
  }: Pick<GPUSupportedLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'>,
): number {
  const largestBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  const fits = (places: number) => {
    const { kv, activations, texts, evicting, scratch } = sizesOf(facts, places);
    const sizes = [
      ...[...kv.values(), ...Object.values(activations), ...Object.values(texts)],
      ...[...evicting.kv, ...evicting.others, ...scratch],
    ];
    return sizes.every((size) => size <= largestBytes);
  };
  let places = 0;
  for (let step = 2 ** 20; step >= 1; step /= 2) if (fits(places + step)) places += step;
  return facts.eviction ? Math.min(places, MOST_TEXTS) : places;
}

/** What all texts of a batch have in common. */
export interface BatchBuffers extends StepBuffers {
  /** The hidden state that each text's prompt left: `[places, hiddenSize]`. */
  readonly waiting: GPUBuffer;
  readonly places: number;
  /** Null if everything is kept. */
  readonly evictionMemory: EvictionMemory | null;
}

/** Where the step of a batch lies in its steps; before it lies that of a single text. */
export const BATCH_STEP = stepStride;

/**
 * Makes room for a batch: the stores in `kvScope`, the rest in `scope`.
 *
 * @throws BackendError `limit-too-small` if a kernel could not see a buffer at once
 */
export function allocateBatch(
  context: GpuContext,
  facts: BatchFacts,
  places: number,
  scope: Scope,
  kvScope: Scope,
): BatchBuffers {
  const { dims, sharing, splits } = facts;
  const sizes = sizesOf(facts, places);
  const rowTablesBuffer = scope.storage('rows', sizes.texts.rows);
  const names = tableNames(facts);
  const tableOf = (name: string) => ({
    buffer: rowTablesBuffer,
    offset: names.indexOf(name) * tableBytes(roomFor(facts, places)),
  });
  const { eviction } = facts;
  const evictionMemory =
    eviction &&
    allocateEviction(
      context,
      {
        ...{ dims, kvPrecision: facts.kvPrecision, noisy: eviction.noisy },
        ...{ rows: roomFor(facts, places), kernels: eviction.example.kernels },
      },
      scope,
      kvScope,
      { texts: places, strides: eviction.strides },
    );
  const storeBuffers = new Map(
    kvOwners(sharing.layers).map((owner): [number, StepStore] => {
      const { layer } = owner;
      const kind = kindOf(owner);
      const rows = tableOf(kind);
      const rowsToWrite = eviction?.ranked ? tableOf(toWrite(kind)) : rows;
      const buffer =
        evictionMemory?.storeOf(layer, 0).buffers.kv ??
        kvScope.storage(`layer-${layer}`, sizes.kv.get(layer) ?? 0);
      return [layer, { buffer, rows, rowsToWrite }];
    }),
  );
  const step = scope.uniform('steps', sizes.steps);
  const one = { rows: 1, firstRow: 0, windowTokens: sharing.windowTokens };
  context.device.queue.writeBuffer(step, 0, packSteps([one, one]));
  const rope = scope.storage('rope', sizes.texts.rope);
  putAngles(context, dims, anglesOf(facts), rope);
  return {
    ...allocateActivations(scope, sizes.activations),
    tokens: scope.storage('tokens', sizes.texts.tokens),
    tokenPlaces: mostCapacity(facts) + 1,
    seen: scope.storage('seen', sizes.texts.seen),
    sampling: scope.storage('sampling', sizes.texts.sampling),
    waiting: scope.storage('waiting', sizes.texts.waiting),
    readBacks: Array.from({ length: MAX_STEPS_IN_FLIGHT }, (_, i) =>
      scope.staging(`tokens-${i}`, sizes.readBack),
    ),
    rope,
    step,
    rowTablesBuffer,
    rows: { buffer: rowTablesBuffer, offset: 0 },
    storeBuffers,
    places,
    evictionMemory,
    eviction: null,
    probabilities: null,
    splits,
  };
}

/** Parts into which the attention of a batch splits its keys. */
export const batchSplits = (
  { tuning: { mostSplits, attendWorkgroup: workgroup } }: GpuContext,
  { headDim }: ModelDims,
  capacityTokens: number,
): number => splitsFor(capacityTokens, { headDim, workgroup, mostSplits });
