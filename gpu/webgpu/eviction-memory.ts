import { gumbelTable } from '../kv/policies/noise.ts';
import { kvRowBytes, type KvPrecision } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { LessKernels } from '../kv/policies/less-kernels.ts';
import type { GpuContext } from './device.ts';
import { allocateLess, type LessMemory } from './less-memory.ts';
import { HELD_VERSIONS, HELD_WORDS } from './held-table.ts';
import { allocatedSize, type Scope } from './memory.ts';
import { MOST_TEXTS, POLICY_BYTES } from './pack-policy.ts';

/** The buffers of a store under a policy, for one text or for several. */
export interface EvictingBuffers {
  readonly row: GPUBuffer; //   the rows that are being decoded, before they have slots
  readonly kv: GPUBuffer; //    [texts, slots, (keys, values), kvHeads, headDim]
  readonly held: GPUBuffer; //  Held [texts, versions, slots, kvHeads] of held-mark.wgsl
  readonly added: GPUBuffer; // f32 [texts, slots, kvHeads], what the step at hand adds to the scores
  readonly next: GPUBuffer; //  u32 [texts, versions, kvHeads], where the next row goes
  /** Slots between the stores of two texts. */
  readonly stride: number;
}

/** What texts under a policy compute with, and where their stores lie. */
export interface EvictionMemory {
  readonly policies: GPUBuffer; // Policy of policy.wgsl [MOST_TEXTS]
  readonly noise: GPUBuffer; //    f32 [4096] for Keyformer
  readonly stats: GPUBuffer; //    (max, sum, 0, 0) [rows, heads] for Keyformer
  /** Null without LESS. */
  readonly less: LessMemory | null;
  /** The store of an owner, and the bytes of what one text has of it. */
  readonly storeOf: (
    owner: number,
    slots: number,
  ) => { readonly buffers: EvictingBuffers; readonly bytes: number };
}

/** How large a memory is. */
export interface EvictionSizes {
  readonly dims: ModelDims;
  readonly kvPrecision: KvPrecision;
  /** Whether Keyformer's noise is needed. */
  readonly noisy: boolean;
  /** Rows of a step. */
  readonly rows: number;
  /** Of LESS; null without it. */
  readonly kernels: LessKernels | null;
}

/** Bytes of what is not KV, stores apart. The policies lie in a uniform. */
export const sharedBytes = ({ dims, noisy, rows }: EvictionSizes) => ({
  policies: MOST_TEXTS * POLICY_BYTES,
  noise: noisy ? gumbelTable.byteLength : 4,
  stats: noisy ? 16 * dims.heads * rows : 16,
});

/** Bytes of a store for texts whose stores have so many slots each. */
export function storeBytes({ dims, kvPrecision, rows }: EvictionSizes, slots: number, texts: number) {
  const { kvHeads } = dims;
  const rowBytes = kvRowBytes(dims, kvPrecision);
  return {
    row: rows * rowBytes,
    kept: {
      kv: texts * slots * rowBytes,
      held: texts * HELD_VERSIONS * slots * kvHeads * HELD_WORDS * 4,
      added: texts * slots * kvHeads * 4,
      next: texts * HELD_VERSIONS * kvHeads * 4,
    },
  };
}

/** What the ledger would count for the store of one text alone. */
const bytesOfOne = (sizes: EvictionSizes, slots: number) =>
  Object.values(storeBytes(sizes, slots, 1).kept).reduce((sum, bytes) => sum + allocatedSize(bytes), 0);

function allocateStore(
  sizes: EvictionSizes,
  owner: number,
  slots: number,
  texts: number,
  scope: Scope,
  kvScope: Scope,
): Omit<EvictingBuffers, 'stride'> {
  const { row, kept } = storeBytes(sizes, slots, texts);
  return {
    row: scope.storage(`row/layer-${owner}`, row),
    kv: kvScope.storage(`layer-${owner}`, kept.kv),
    held: kvScope.storage(`held/layer-${owner}`, kept.held),
    added: kvScope.storage(`scores/layer-${owner}`, kept.added),
    next: kvScope.storage(`next/layer-${owner}`, kept.next),
  };
}

/**
 * Makes room for texts under a policy.
 *
 * @param strides slots of a text in each store, for texts that have buffers in common; absent for a single text, which
 *                says itself how many it needs
 */
export function allocateEviction(
  context: GpuContext,
  sizes: EvictionSizes,
  scope: Scope,
  kvScope: Scope,
  common?: { readonly texts: number; readonly strides: ReadonlyMap<number, number> },
): EvictionMemory {
  const bytes = sharedBytes(sizes);
  const noise = scope.storage('noise', bytes.noise);
  if (sizes.noisy) context.device.queue.writeBuffer(noise, 0, gumbelTable);
  const arenas = new Map(
    [...(common?.strides ?? [])].map(([owner, stride]): [number, EvictingBuffers] => [
      owner,
      { ...allocateStore(sizes, owner, stride, common?.texts ?? 1, scope, kvScope), stride },
    ]),
  );
  const { dims, kvPrecision, kernels } = sizes;
  const texts = common?.texts ?? 1;
  return {
    less: kernels && allocateLess(context, dims, kvPrecision, kernels, texts, scope, kvScope),
    policies: scope.uniform('policies', bytes.policies),
    noise,
    stats: scope.storage('noisy stats', bytes.stats),
    storeOf: (owner, slots) => ({
      buffers: arenas.get(owner) ?? {
        ...allocateStore(sizes, owner, slots, 1, scope, kvScope),
        stride: 0,
      },
      bytes: bytesOfOne(sizes, slots),
    }),
  };
}
