import { kvRowBytes, type KvPrecision } from '../kv/usage.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { PromptMemory } from './eviction.ts';
import { HELD_WORDS } from './held-table.ts';
import type { Scope } from './memory.ts';
import { tableBytes } from './row-tables.ts';

/** How large the scratch of a prefill is. */
export interface ScratchSizes {
  readonly dims: ModelDims;
  readonly kvPrecision: KvPrecision;
  /** Rows of all turns, and once more the last one of each if there are several. */
  readonly rows: number;
  /** Rows that go through a layer at a time. */
  readonly blockRows: number;
  /** Row tables. */
  readonly tables: number;
  /** Slots of the stores that stand in for rings, by owner. */
  readonly windowed: ReadonlyMap<number, number>;
  /** Slots of the stores of prompts, by owner; null if everything is kept. */
  readonly evicting: ReadonlyMap<number, number> | null;
}

/** What a prefill computes with. Rows of a block, but for the hidden states of all rows. */
export interface PrefillScratch {
  readonly rowTablesBuffer: GPUBuffer;
  readonly hidden: GPUBuffer; //    [rows, hiddenSize]
  readonly entering: GPUBuffer; //  [rows, hiddenSize], what entered the group that is iterated
  readonly normed: GPUBuffer; //    [block, hiddenSize]
  readonly projected: GPUBuffer; // [block, heads or 2·kvHeads, headDim]
  readonly q: GPUBuffer; //         [block, heads, headDim]
  readonly attended: GPUBuffer; //  [block, heads, headDim], and under a policy each head's maximum and sum
  readonly stats: GPUBuffer; //     Keyformer's maxima and sums, for each head of a block
  readonly gates: GPUBuffer; //     [block, (gate, up), intermediateSize]
  readonly activated: GPUBuffer; // [block, intermediateSize]
  /** By owner. */
  readonly windowed: ReadonlyMap<number, GPUBuffer>;
  /** By owner; null if everything is kept. */
  readonly evicting: ReadonlyMap<number, PromptMemory> | null;
}

function sizesOf({ dims, rows, blockRows, tables, evicting }: ScratchSizes) {
  const hiddenCols = paddedCols(dims.hiddenSize);
  const qSize = dims.heads * dims.headDim;
  const kvSize = 2 * dims.kvHeads * dims.headDim;
  return {
    rows: tables * tableBytes(rows),
    hidden: 4 * rows * hiddenCols,
    entering: 4 * rows * hiddenCols,
    normed: 4 * blockRows * hiddenCols,
    projected: 4 * blockRows * Math.max(qSize, kvSize),
    q: 4 * blockRows * qSize,
    attended: 4 * blockRows * (qSize + (evicting ? 4 * dims.heads : 0)),
    stats: evicting ? 16 * blockRows * dims.heads : 16,
    gates: 8 * blockRows * dims.intermediateSize,
    activated: 4 * blockRows * paddedCols(dims.intermediateSize),
  };
}

const promptStoreBytes = ({ dims, kvPrecision }: ScratchSizes, slots: number) => ({
  kv: slots * kvRowBytes(dims, kvPrecision),
  held: 4 * HELD_WORDS * slots * dims.kvHeads,
  added: 4 * slots * dims.kvHeads,
});

/** Bytes of every buffer. */
export const scratchBytes = (sizes: ScratchSizes): readonly number[] => [
  ...Object.values(sizesOf(sizes)),
  ...[...sizes.windowed.values()].map((slots) => slots * kvRowBytes(sizes.dims, sizes.kvPrecision)),
  ...[...(sizes.evicting?.values() ?? [])].flatMap((slots) => Object.values(promptStoreBytes(sizes, slots))),
];

/** Makes room for a prefill. */
export function allocateScratch(scope: Scope, sizes: ScratchSizes): PrefillScratch {
  const { windowed, evicting, dims, kvPrecision } = sizes;
  const { rows, ...rest } = sizesOf(sizes);
  const storage = (label: keyof typeof rest) => scope.storage(label, rest[label]);
  return {
    rowTablesBuffer: scope.storage('rows', rows),
    hidden: storage('hidden'),
    entering: storage('entering'),
    normed: storage('normed'),
    projected: storage('projected'),
    q: storage('q'),
    attended: storage('attended'),
    stats: storage('stats'),
    gates: storage('gates'),
    activated: storage('activated'),
    windowed: new Map(
      [...windowed].map(([owner, slots]) => [
        owner,
        scope.storage(`kv/layer-${owner}`, slots * kvRowBytes(dims, kvPrecision)),
      ]),
    ),
    evicting:
      evicting &&
      new Map(
        [...evicting].map(([owner, slots]) => {
          const bytes = promptStoreBytes(sizes, slots);
          return [
            owner,
            {
              kv: scope.storage(`kv/layer-${owner}`, bytes.kv),
              held: scope.storage(`held/layer-${owner}`, bytes.held),
              added: scope.storage(`scores/layer-${owner}`, bytes.added),
            },
          ];
        }),
      ),
  };
}
