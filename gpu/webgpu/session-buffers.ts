import type { SessionOptions } from '../backend.ts';
import type { GpuContext } from './device.ts';
import type { Slots } from './kernels/format.ts';
import { measureWords } from './kernels/measure.ts';
import type { Scope } from './memory.ts';
import { kvRowBytes, kvRowsAllocated, MAX_STEPS_IN_FLIGHT } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ropeTable } from '../plan/rope.ts';
import { kvOwners } from '../plan/sharing.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import { stepStride } from './kernel.ts';

/**
 * A KV cache: `[rows, (keys, values), kvHeads, headDim]`. Keys are stored rotated by their absolute position; `slots`
 * says in which row a position lies.
 */
export interface Cache {
  readonly buffer: GPUBuffer;
  readonly slots: Slots;
  readonly rows: number;
}

/** What a text needs in GPU memory besides the weights. One row of activations: that of the token being decoded. */
export interface TextBuffers {
  readonly tokens: GPUBuffer; //     u32 [capacity + 1], by position
  readonly rope: GPUBuffer; //       (cos, sin) [capacity, headDim / 2]
  readonly step: GPUBuffer; //       one Step
  readonly caches: ReadonlyMap<number, Cache>;
  /** All rings have the same rows. 1 where there is none, because a shader divides by it. */
  readonly ringRows: number;
  readonly hidden: GPUBuffer; //     [hiddenSize]
  readonly q: GPUBuffer; //          [heads, headDim]
  readonly attended: GPUBuffer; //   [splits, heads, headDim], and each split's maximum and sum
  readonly activated: GPUBuffer; //  [intermediateSize]
  /** What a projection whose matrix lies in parts gives, before it is finished; null where there is none. */
  readonly projected: GPUBuffer | null;
  readonly logits: GPUBuffer; //     [vocabSize]
  readonly seen: GPUBuffer; //       u32 [vocabSize], see sample.wgsl
  readonly sampling: GPUBuffer; //   Options of sample.wgsl
  readonly readBacks: readonly GPUBuffer[]; // one token each, and its measure
  /** What measuring every token takes; null where it is not asked for. */
  readonly measured: {
    readonly logits: GPUBuffer; // [vocabSize], before the sampler changes them
    readonly words: GPUBuffer; //  Measure of measure.wgsl
  } | null;
  /** Parts into which a decoding attention splits its keys. */
  readonly splits: number;
}

/** Allocates a text of at most `capacityTokens` positions: its caches in `kvScope`, the rest in `scope`. `inParts` where a matrix is. */
export function allocateText(
  context: GpuContext,
  dims: ModelDims,
  options: SessionOptions,
  scope: Scope,
  kvScope: Scope,
  inParts: boolean,
): TextBuffers {
  const { sharing, kvPrecision, capacityTokens } = options;
  const { keysPerSplit, mostSplits } = context.tuning;
  const splits = Math.min(mostSplits, Math.ceil(capacityTokens / keysPerSplit));
  const floats = (label: string, count: number) => scope.storage(label, 4 * paddedCols(count));
  const qSize = dims.heads * dims.headDim;

  const caches = new Map<number, Cache>();
  for (const owner of kvOwners(sharing.layers)) {
    const rows = kvRowsAllocated(owner, capacityTokens, sharing.windowTokens);
    caches.set(owner.layer, {
      buffer: kvScope.storage(`layer-${owner.layer}`, rows * kvRowBytes(dims, kvPrecision)),
      slots: rows < capacityTokens ? 'ring' : 'linear',
      rows,
    });
  }

  const rope = ropeTable(dims.rope, dims.headDim, capacityTokens);
  const ropeBuffer = scope.storage('rope', rope.byteLength);
  context.device.queue.writeBuffer(ropeBuffer, 0, rope);

  return {
    caches,
    ringRows: [...caches.values()].find((cache) => cache.slots === 'ring')?.rows ?? 1,
    splits,
    rope: ropeBuffer,
    tokens: floats('tokens', capacityTokens + 1),
    step: scope.uniform('step', stepStride),
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
      scope.staging(`token-${i}`, options.measured ? 4 + 4 * measureWords : 4),
    ),
    measured: options.measured
      ? {
          logits: floats('logits as computed', dims.vocabSize),
          words: scope.storage('measure', 4 * measureWords),
        }
      : null,
  };
}
