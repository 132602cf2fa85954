import type {
  AllocateRequest,
  Backend,
  Batch,
  BatchOptions,
  ModelWeights,
  Session,
  SessionOptions,
} from '../backend.ts';
import type { MatrixFormat } from '../numbers/matrix-format.ts';
import type { WeightSpec } from '../plan/weight-specs.ts';
import { CpuSession } from './session.ts';
import { CpuBatch } from './batch.ts';
import type { Decoder, DecoderBatch } from './decoder.ts';

/** One way to compute on the processor: a model's weights, and decoders that run on them. */
export interface CpuWeightStore {
  put(spec: WeightSpec, firstRow: number, bytes: Uint8Array, stored: MatrixFormat): void;
  /** Resolves when decoders may be opened. */
  ready(): Promise<void>;
  readonly bytes: number;
  /** A decoder for an empty text under a plan. */
  open(options: SessionOptions): Decoder;
  /** Decoders of several texts under a plan. */
  openBatch(options: BatchOptions): DecoderBatch;
  clear(): void;
}

/**
 * A backend on the processor, in TypeScript or in WebAssembly.
 *
 * @param describe what computes; its answer may change until a model is ready
 */
export function backendOnCpu(
  describe: () => string,
  newWeights: (request: AllocateRequest) => CpuWeightStore,
): Backend {
  const models = new Set<CpuModel>();
  return {
    get adapter() {
      return { backend: 'cpu', vendor: '', description: describe(), software: true } as const;
    },
    timesKernels: false,
    warmUp: { promptTokens: [2], capacities: [] },
    allocate: (request) => {
      const model = new CpuModel(request, newWeights(request), () => models.delete(model));
      models.add(model);
      return Promise.resolve(model);
    },
    get allocatedBytes() {
      return sumOf([...models].map((model) => model.allocatedBytes));
    },
    destroy: () => {
      for (const model of models) model.free();
    },
  };
}

class CpuModel implements ModelWeights {
  readonly #request: AllocateRequest;
  readonly #weights: CpuWeightStore;
  readonly #sessions = new Set<CpuSession | CpuBatch>();
  readonly #freed: () => void;

  constructor(request: AllocateRequest, weights: CpuWeightStore, freed: () => void) {
    this.#request = request;
    this.#weights = weights;
    this.#freed = freed;
  }

  put(spec: WeightSpec, firstRow: number, bytes: Uint8Array): Promise<void> {
    this.#weights.put(spec, firstRow, bytes, this.#request.storedAs(spec));
    return Promise.resolve();
  }

  ready(): Promise<void> {
    return this.#weights.ready();
  }

  get bytes(): number {
    return this.#weights.bytes;
  }

  get allocatedBytes(): number {
    return this.bytes + sumOf([...this.#sessions].map((session) => session.allocatedBytes));
  }

  open(options: SessionOptions): Promise<Session> {
    const decoder = this.#weights.open(options);
    const session = new CpuSession(decoder, options, () => this.#sessions.delete(session));
    this.#sessions.add(session);
    return Promise.resolve(session);
  }

  openBatch(options: BatchOptions): Promise<Batch> {
    const decoders = this.#weights.openBatch(options);
    const batch = new CpuBatch(decoders, options, () => this.#sessions.delete(batch));
    this.#sessions.add(batch);
    return Promise.resolve(batch);
  }

  free(): void {
    for (const session of this.#sessions) session.close();
    this.#weights.clear();
    this.#freed();
  }
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);
