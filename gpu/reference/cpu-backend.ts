import type {
  AllocateRequest,
  Backend,
  DecodeEnd,
  DecodeOptions,
  ModelWeights,
  PrefillOptions,
  Session,
  SessionOptions,
} from '../backend.ts';
import { kvUsage, type KvUsage } from '../plan/kv-layout.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { WeightSpec } from '../plan/weight-specs.ts';
import { CpuDecoder } from './cpu-decoder.ts';
import { CpuWeights } from './cpu-weights.ts';
import { measureToken } from './measure.ts';
import { sampleToken } from './sampler.ts';

/** The decoder on the processor: the twin that the GPU is tested against, and what runs where there is no WebGPU. */
export function openCpuBackend(): Backend {
  const models = new Set<CpuModel>();
  return {
    adapter: { backend: 'cpu', vendor: '', description: 'JavaScript on the processor', software: true },
    allocate: (request) => {
      const model = new CpuModel(request, () => models.delete(model));
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
  readonly #weights: CpuWeights;
  readonly #sessions = new Set<CpuSession>();
  readonly #freed: () => void;

  constructor(request: AllocateRequest, freed: () => void) {
    this.#request = request;
    this.#weights = new CpuWeights(request);
    this.#freed = freed;
  }

  put(spec: WeightSpec, firstRow: number, bytes: Uint8Array): Promise<void> {
    this.#weights.put(spec, firstRow, bytes, this.#request.elementTypeOf(spec));
    return Promise.resolve();
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  get bytes(): number {
    return this.#weights.bytes;
  }

  get allocatedBytes(): number {
    return this.bytes + sumOf([...this.#sessions].map((session) => session.allocatedBytes));
  }

  open(options: SessionOptions): Promise<Session> {
    const { dims, storedLayers } = this.#request;
    const weights = this.#weights.convert(storedLayers, options.sharing.layers);
    const session = new CpuSession(dims, weights, options, () => this.#sessions.delete(session));
    this.#sessions.add(session);
    return Promise.resolve(session);
  }

  free(): void {
    for (const session of this.#sessions) session.close();
    this.#weights.clear();
    this.#freed();
  }
}

class CpuSession implements Session {
  readonly #dims: ModelDims;
  readonly #options: SessionOptions;
  readonly #closed: () => void;
  readonly #history: number[] = [];
  #decoder: CpuDecoder;
  /** The hidden state from which the next token is drawn. */
  #hidden: Float32Array = new Float32Array();
  #keptTokens = 0;

  constructor(dims: ModelDims, weights: CpuWeights, options: SessionOptions, closed: () => void) {
    const { sharing, kvPrecision, capacityTokens } = options;
    this.#dims = dims;
    this.#options = options;
    this.#decoder = new CpuDecoder(dims, weights, sharing, kvPrecision, capacityTokens);
    this.#closed = closed;
  }

  get allocatedBytes(): number {
    return this.#decoder.kvBytes;
  }

  async prefill(tokens: readonly number[], options: PrefillOptions): Promise<boolean> {
    options.onPrepared?.();
    const breathe = async (share: number) => {
      await yieldNowAndThen();
      if (options.stopped()) throw new Stopped();
      options.onProgress(share);
    };
    try {
      const hidden =
        options.mode === 'parallel'
          ? await this.#decoder.parallel(tokens, this.#options.passes, breathe, options.onMovement)
          : await this.#sequential(tokens, breathe);
      for (const position of options.logitsAt) {
        options.onLogits(position, this.#decoder.logits(hidden[position] ?? new Float32Array()));
      }
      this.#hidden = hidden.at(-1)?.slice() ?? this.#hidden;
    } catch (error) {
      if (error instanceof Stopped) return false;
      throw error;
    }
    // A last token that was written but never fed has no place in the text unless the turn brings it.
    this.#history.length = this.#decoder.tokens - tokens.length;
    this.#history.push(...tokens);
    this.#keptTokens = this.#decoder.tokens;
    return true;
  }

  async #sequential(tokens: readonly number[], breathe: (share: number) => Promise<void>) {
    const hidden: Float32Array[] = [];
    for (const token of tokens) {
      hidden.push(this.#decoder.step(token));
      await breathe(hidden.length / tokens.length);
    }
    return hidden;
  }

  async decode(options: DecodeOptions): Promise<DecodeEnd> {
    for (let newTokens = 0; newTokens < options.maxNewTokens; newTokens++) {
      await yieldNowAndThen();
      if (options.stopped()) return 'stopped';
      if (newTokens > 0) {
        this.#hidden = this.#decoder.step(this.#history.at(-1) ?? 0);
        this.#keptTokens = this.#decoder.tokens;
      }
      const logits = this.#decoder.logits(this.#hidden);
      const token = sampleToken(logits, this.#history, this.#history.length, options.sampling);
      this.#history.push(token);
      options.onToken(token, this.#options.measured ? measureToken(logits, token) : null);
      if (options.endTokens.has(token)) return 'end-of-text';
    }
    return 'length';
  }

  rewind(tokens: number): boolean {
    this.#keptTokens = tokens;
    return this.#decoder.rewind(tokens);
  }

  profileStep(): Promise<null> {
    return Promise.resolve(null);
  }

  kvUsage(): KvUsage {
    const { sharing, kvPrecision } = this.#options;
    return kvUsage(sharing, this.#dims, kvPrecision, this.#keptTokens, this.allocatedBytes);
  }

  close(): void {
    this.#closed();
  }
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

class Stopped extends Error {}

let lastYieldMs = 0;

/** Lets the worker hear of a stop: a macrotask, at most every 10 ms, because a promise alone lets no message in. */
async function yieldNowAndThen(): Promise<void> {
  if (performance.now() - lastYieldMs < 10) return;
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
  lastYieldMs = performance.now();
}
