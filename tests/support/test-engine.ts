import { modelSource, requestGpu } from '#platform';
import { greedy } from '../../gpu/plan/sampling.ts';
import { openCpuBackend } from '../../gpu/reference/cpu-backend.ts';
import { openWebGpuBackend } from '../../gpu/webgpu-backend.ts';
import { Engine } from '../../worker/engine.ts';
import type {
  BackendChoice,
  GenerateRequest,
  GenerateResult,
  ModelFacts,
  Outcome,
} from '../../worker/protocol.ts';
import { placeHere } from '../../worker/text/place-here.ts';

export const backends: readonly BackendChoice[] = ['webgpu', 'cpu'];

/** The worker's own engine on this platform, whose failures are errors. Models are folders of this project. */
export class TestEngine {
  readonly #backend: BackendChoice;
  readonly #engine = new Engine({
    openBackend: async (choice) =>
      choice === 'cpu' ? openCpuBackend() : openWebGpuBackend(await requestGpu()),
    openTextPlace: placeHere,
    openSource: (folder) => ({ ok: true, value: modelSource(folder) }),
  });

  constructor(backend: BackendChoice) {
    this.#backend = backend;
  }

  async load(folder: string): Promise<ModelFacts> {
    const request = { model: folder, backend: this.#backend, weights: 'stored' } as const;
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
      ...request,
    };
    return valueOf(await this.#engine.generate(whole, () => undefined));
  }

  close(): Promise<void> {
    return this.#engine.unload();
  }
}

function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.failure));
  return outcome.value;
}
