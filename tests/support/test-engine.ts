import { modelSource, runningIn } from '#platform';
import { inject } from 'vitest';
import type { Backend } from '../../gpu/backend.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { openCpuBackend } from '../../gpu/reference/backend.ts';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../gpu/webgpu/backend.ts';
import type { GpuOptions } from '../../gpu/webgpu/device.ts';
import { Engine } from '../../worker/engine/engine.ts';
import type { OnEvent } from '../../worker/protocol/engine.ts';
import type { Convergence, Score, ScoreRequest } from '../../worker/protocol/evaluate.ts';
import type { Outcome } from '../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult } from '../../worker/protocol/generate.ts';
import type { MeasureRequest, MeasureResult } from '../../worker/protocol/measure.ts';
import type { BackendChoice, ModelFacts } from '../../worker/protocol/load.ts';
import { placeHere } from '../../worker/text/place-here.ts';
import { sharedGpu } from './shared-devices.ts';

/** The backends that the page offers, and the twin of both. */
export type TestBackend = BackendChoice | 'twin';

declare module 'vitest' {
  interface ProvidedContext {
    /** Mutation tests change what all backends share, and ask the one that answers first. */
    twinAlone?: boolean;
  }
}

/** The twin is arithmetic in plain JavaScript, which needs no second engine. */
export const backends: readonly TestBackend[] = inject('twinAlone')
  ? ['twin']
  : runningIn === 'node'
    ? ['webgpu', 'cpu', 'twin']
    : ['webgpu', 'cpu'];

export async function openBackend(name: TestBackend, options?: GpuOptions): Promise<Backend> {
  switch (name) {
    case 'webgpu':
      return openWebGpuBackend(await sharedGpu(), options);
    case 'cpu':
      return openProcessorBackend();
    case 'twin':
      return openCpuBackend();
  }
}

/** The worker's own engine on this platform, whose failures are errors. Models are folders of this project. */
export class TestEngine {
  readonly #backend: TestBackend;
  readonly #options: GpuOptions;
  #opened: Backend | null = null;
  readonly #engine = new Engine({
    openBackend: async () => (this.#opened = await openBackend(this.#backend, this.#options)),
    openTextPlace: placeHere,
    openSource: (folder) => ({ ok: true, value: modelSource(folder) }),
  });

  constructor(backend: TestBackend, options: GpuOptions = {}) {
    this.#backend = backend;
    this.#options = options;
  }

  async load(folder: string): Promise<ModelFacts> {
    const backend = this.#backend === 'twin' ? 'cpu' : this.#backend;
    const request = { model: folder, backend, weights: 'stored', quantizeEmbeddings: false } as const;
    return valueOf(await this.#engine.load(request, () => undefined));
  }

  /** Greedy, in f32, ignoring the end of text, unless the request says otherwise. */
  async generate(
    request: Pick<GenerateRequest, 'input'> & Partial<GenerateRequest>,
  ): Promise<GenerateResult> {
    const whole: GenerateRequest = {
      config: {},
      mode: 'auto',
      kvPrecision: 'f32',
      maxNewTokens: 0,
      ignoreEos: true,
      sampling: greedy,
      logits: [],
      score: false,
      policy: { id: 'none' },
      ...request,
    };
    return valueOf(await this.#engine.generate(whole, () => undefined));
  }

  /** In f32 and automatic mode, keeping everything, unless the request says otherwise. */
  async score(
    request: Pick<ScoreRequest, 'input' | 'continuation'> & Partial<ScoreRequest>,
    onEvent: OnEvent,
  ): Promise<Score> {
    const whole: ScoreRequest = {
      config: {},
      mode: 'auto',
      kvPrecision: 'f32',
      policy: { id: 'none' },
      maxNewTokens: 0,
      reference: 'keep',
      ...request,
    };
    return valueOf(await this.#engine.score(whole, onEvent));
  }

  /** In f32 and automatic mode, keeping everything, unless the request says otherwise. */
  async measure(
    request: Pick<MeasureRequest, 'work'> & Partial<MeasureRequest>,
    onEvent: OnEvent,
  ): Promise<MeasureResult> {
    const whole: MeasureRequest = {
      config: {},
      mode: 'auto',
      kvPrecision: 'f32',
      policy: { id: 'none' },
      ...request,
    };
    return valueOf(await this.#engine.measure(whole, onEvent));
  }

  /** In f32, of parallel mode alone. */
  async watchConvergence(
    tokens: readonly number[],
    config: GenerateRequest['config'],
    freeze: boolean,
  ): Promise<Convergence> {
    const how = { kvPrecision: 'f32', policy: { id: 'none' }, exact: false } as const;
    const request = { ...how, input: { turns: [tokens] }, config, freeze };
    return valueOf(await this.#engine.watchConvergence(request, () => undefined));
  }

  /** Bytes that the backend's ledger counts. */
  get allocatedBytes(): number {
    return this.#opened?.allocatedBytes ?? 0;
  }

  close(): Promise<void> {
    return this.#engine.unload();
  }
}

function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.failure));
  return outcome.value;
}
