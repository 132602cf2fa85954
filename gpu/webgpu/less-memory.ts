import { stateBytes, type LessKernels } from '../kv/policies/less-kernels.ts';
import type { KvPrecision } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { GpuContext } from './device.ts';
import { HELD_VERSIONS } from './held-table.ts';
import type { LessParams } from './kernels/less.ts';
import type { Scope } from './memory.ts';

/** The kernels of LESS, and the states of texts that have buffers in common. */
export interface LessMemory {
  readonly trained: LessKernels;
  readonly params: LessParams;
  /** By reader, and by owner. */
  readonly phi: ReadonlyMap<number, GPUBuffer>;
  readonly psi: ReadonlyMap<number, GPUBuffer>;
  /** By owner, f32 `[texts, versions, kvHeads, (rank, (rank, headDim))]`: sums of features, and of values for each feature. */
  readonly states: ReadonlyMap<number, GPUBuffer>;
  /** By owner, one version for each text: what the queries of a prompt recall. */
  readonly beforePrompt: ReadonlyMap<number, GPUBuffer>;
}

type Part = Float32Array<ArrayBuffer>;

/** What a layer's kernels are made of, one behind the other. */
function partsOf({ phi, psi }: LessKernels) {
  return {
    phi: [...phi].map(([reader, { w1, w2 }]): [number, readonly Part[]] => [reader, [w1, w2]]),
    psi: [...psi].map(([owner, { w1, w2, w3 }]): [number, readonly Part[]] => [owner, [w1, w2, w3]]),
  };
}

const bytesIn = (parts: readonly Part[]) => parts.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Bytes of every buffer: the states, which are KV, and the others. */
export function lessBytes(
  trained: LessKernels,
  texts: number,
): { readonly kv: readonly number[]; readonly others: readonly number[] } {
  const { phi, psi } = partsOf(trained);
  const ofText = psi.map(([owner]) => stateBytes(trained, owner));
  return {
    kv: ofText.map((bytes) => texts * HELD_VERSIONS * bytes),
    others: [...[...phi, ...psi].map(([, parts]) => bytesIn(parts)), ...ofText.map((bytes) => texts * bytes)],
  };
}

/**
 * Makes room for LESS.
 *
 * @param scope owns what is no KV
 */
export function allocateLess(
  context: GpuContext,
  dims: ModelDims,
  format: KvPrecision,
  trained: LessKernels,
  texts: number,
  scope: Scope,
  kvScope: Scope,
): LessMemory {
  const { heads, kvHeads, headDim } = dims;
  const { hidden, rank } = trained;
  const workgroup = context.tuning.attendWorkgroup;
  const put = (name: string, [layer, parts]: readonly [number, readonly Part[]]) => {
    const buffer = scope.storage(`${name}/layer-${layer}`, bytesIn(parts));
    let at = 0;
    for (const part of parts) {
      context.device.queue.writeBuffer(buffer, at, part);
      at += part.byteLength;
    }
    return [layer, buffer] as const;
  };
  const { phi, psi } = partsOf(trained);
  const ofOwners = (bufferOf: (owner: number, bytes: number) => GPUBuffer) =>
    new Map(psi.map(([owner]) => [owner, bufferOf(owner, texts * stateBytes(trained, owner))]));
  return {
    trained,
    params: { heads, kvHeads, headDim, hidden, rank, format, workgroup },
    phi: new Map(phi.map((layer) => put('phi', layer))),
    psi: new Map(psi.map((layer) => put('psi', layer))),
    states: ofOwners((owner, bytes) => kvScope.storage(`state/layer-${owner}`, HELD_VERSIONS * bytes)),
    beforePrompt: ofOwners((owner, bytes) => scope.storage(`state before/layer-${owner}`, bytes)),
  };
}
