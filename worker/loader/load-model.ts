import type { Backend, ModelWeights } from '../../gpu/backend.ts';
import type { WeightFormats } from '../../gpu/plan/matrix-format.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { EngineEvent } from '../protocol.ts';
import { throttle } from '../run-clock.ts';
import { loadTokenizer, type TextTokenizer } from '../tokenizer.ts';
import { applyConfig } from './apply-config.ts';
import { loadWeights } from './load-weights.ts';
import { GENERATION_CONFIG, parseModelConfig, parseMoreEnds, type ModelConfig } from './model-config.ts';
import type { ModelSource } from './model-source.ts';

export interface LoadedModel {
  readonly config: ModelConfig;
  readonly tokenizer: TextTokenizer | null;
  readonly backend: Backend;
  readonly weights: ModelWeights;
}

interface LoadModelOptions extends WeightFormats {
  readonly source: ModelSource;
  /** Called when config.json and the tokenizer have proved usable. */
  readonly openBackend: () => Promise<Backend>;
  readonly emit: (event: EngineEvent) => void;
}

const PROGRESS_INTERVAL_MS = 100;
export const CONFIG = 'config.json';

/**
 * Reads a model's folder: config.json, the tokenizer where there is one, and the weights into the backend.
 *
 * @throws Refused for what the files get wrong, BackendError
 */
export async function loadModel(options: LoadModelOptions): Promise<LoadedModel> {
  const { source, emit } = options;
  const config = await loadConfig(source);
  const tokenizer = await loadTokenizer(source);
  const backend = await options.openBackend();

  const { dims, stored } = config;
  let progress: EngineEvent | null = null;
  const tellSometimes = throttle(PROGRESS_INTERVAL_MS, () => progress && emit(progress));
  const weights = await loadWeights({
    source,
    backend,
    dims,
    storedLayers: valueOf(applyConfig(stored, {}, dims.layerCount)).sharing.layers,
    weights: options.weights,
    quantizeEmbeddings: options.quantizeEmbeddings ?? false,
    onRoom: (weightBytes) => emit({ type: 'room', weightBytes, adapter: backend.adapter }),
    onProgress: (file, loadedBytes, totalBytes) => {
      progress = { type: 'download', file, loadedBytes, totalBytes };
      if (loadedBytes === totalBytes) emit(progress);
      else tellSometimes();
    },
  });
  return { config, tokenizer, backend, weights };
}

async function loadConfig(source: ModelSource): Promise<ModelConfig> {
  const json = await readJson(source, CONFIG);
  if (json === undefined) {
    throw new Refused({
      code: 'download-failed',
      file: CONFIG,
      status: 404,
      reason: 'there is no such file',
    });
  }
  const config = valueOf(parseModelConfig(json));
  const generation = await readJson(source, GENERATION_CONFIG);
  if (generation === undefined) return config;
  const more = valueOf(parseMoreEnds(generation, config.dims.vocabSize));
  return { ...config, eosIds: [...new Set([...config.eosIds, ...more])] };
}

/** What a JSON file says; undefined where there is none. */
async function readJson(source: ModelSource, file: string): Promise<unknown> {
  const text = await source.text(file);
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused({ code: 'bad-config', field: file, reason: 'it is not JSON' });
  }
}
