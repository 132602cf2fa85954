import type {
  AllocateRequest,
  Backend,
  Batch,
  BatchOptions,
  ModelWeights,
  ProductShapes,
  Session,
  SessionOptions,
  WarmUp,
} from '../backend.ts';
import { BackendError } from '../backend-error.ts';
import { fastestWorkgroup, productWorkgroups } from './autotune.ts';
import { mostTileRows, projectTiles } from './kernels/project-rows.ts';
import { openGpu, type GpuContext, type GpuOptions } from './device.ts';
import { GpuSession } from './session.ts';
import { GpuWeights } from './weights.ts';
import type { WeightSpec } from '../plan/weight-specs.ts';

/**
 * The decoder on WebGPU.
 *
 * @throws BackendError `no-webgpu` if there is no WebGPU, or no adapter
 */
export async function openWebGpuBackend(gpu: GPU | undefined, options?: GpuOptions): Promise<Backend> {
  return new WebGpuBackend(await openGpu(gpu, options));
}

/** Lengths of prompts that use every kernel for many rows. The last row of each is computed by itself, too. */
const tilePrompts = projectTiles
  .filter(({ upTo }) => upTo > 1)
  .map(({ upTo }) => Math.min(upTo, mostTileRows));

/** Public for tests, which look at the ledger. */
export class WebGpuBackend implements Backend {
  readonly context: GpuContext;

  constructor(context: GpuContext) {
    this.context = context;
  }

  get adapter() {
    return this.context.adapter;
  }

  get timesKernels(): boolean {
    return this.context.canProfile;
  }

  get warmUp(): WarmUp {
    const { tiled, mostSplits, attendWorkgroup } = this.context.tuning;
    // As many keys as each number of splits is for.
    const capacities = Array.from(
      { length: Math.log2(mostSplits) },
      (_, i) => 2 ** (i + 1) * attendWorkgroup,
    );
    return { promptTokens: tiled ? tilePrompts : [2], capacities };
  }

  get allocatedBytes(): number {
    return this.context.ledger.bytes;
  }

  async allocate(request: AllocateRequest): Promise<ModelWeights> {
    const weights = new GpuWeights(this.context, request);
    try {
      await this.context.wait(weights.allocated());
    } catch (error) {
      const { bytes } = weights;
      weights.free();
      // One buffer more or less is no help: what matters is what all of them take.
      const full = error instanceof BackendError && error.failure.code === 'out-of-memory';
      throw full ? new BackendError({ code: 'out-of-memory', what: 'the weights', bytes }) : error;
    }
    return new GpuModel(this.context, request, weights);
  }

  destroy(): void {
    this.context.destroy();
  }
}

class GpuModel implements ModelWeights {
  readonly #context: GpuContext;
  readonly #request: AllocateRequest;
  readonly #weights: GpuWeights;
  readonly #open = new Set<Pick<Session, 'close'>>();

  constructor(context: GpuContext, request: AllocateRequest, weights: GpuWeights) {
    this.#context = context;
    this.#request = request;
    this.#weights = weights;
  }

  put(spec: WeightSpec, firstRow: number, bytes: Uint8Array): Promise<void> {
    return this.#weights.put(spec, firstRow, bytes);
  }

  ready(): Promise<void> {
    return this.#weights.ready();
  }

  get bytes(): number {
    return this.#weights.bytes;
  }

  get products(): ProductShapes | null {
    const context = this.#context;
    const { lanes } = context.tuning.matvec;
    if (lanes === 1) return null;
    const { hiddenSize, intermediateSize } = this.#request.dims;
    return {
      workgroups: productWorkgroups,
      of: `${hiddenSize}x${intermediateSize} ${this.#weights.matrix('gateUp').type}`,
      fastest: () => fastestWorkgroup(context, this.#weights),
      take: (workgroup) => {
        context.tuning = { ...context.tuning, matvec: { workgroup, lanes } };
      },
    };
  }

  async open(options: SessionOptions): Promise<Session> {
    const opening = GpuSession.open(this.#context, this.#request.dims, this.#weights, options, () =>
      this.#open.delete(session),
    );
    const session: GpuSession = await this.#context.wait(opening);
    this.#open.add(session);
    return session;
  }

  async openBatch(options: BatchOptions): Promise<Batch> {
    if (options.texts.some(({ eviction }) => eviction)) {
      const { checkOnePolicy } = await import('./batch-eviction.ts');
      checkOnePolicy(options.texts);
    }
    const { GpuBatch } = await import('./batch.ts');
    const opening = GpuBatch.open(this.#context, this.#request.dims, this.#weights, options, () =>
      this.#open.delete(batch),
    );
    const batch: Batch = await this.#context.wait(opening);
    this.#open.add(batch);
    return batch;
  }

  free(): void {
    for (const each of this.#open) each.close();
    this.#weights.free();
  }
}
