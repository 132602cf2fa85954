import type { Backend, ModelWeights } from '../../gpu/backend.ts';
import type { WeightFormats } from '../../gpu/numbers/matrix-format.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { EngineEvent } from '../protocol/engine.ts';
import { throttle } from '../run-clock.ts';
import { GuardedText, type TextPlace } from '../text/guarded-text.ts';
import type { TextFacts } from '../text/text-api.ts';
import { applyConfig } from './apply-config.ts';
import { loadWeights } from './load-weights.ts';
import { GENERATION_CONFIG, parseModelConfig, parseMoreEnds, type ModelConfig } from './model-config.ts';
import type { ModelSource } from './model-source.ts';
import { readTextFiles } from './text-files.ts';

export interface LoadedModel {
  readonly config: ModelConfig;
  /** null where the model has no tokenizer. */
  readonly text: GuardedText | null;
  readonly hasChatTemplate: boolean;
  /** Tokens that end a turn of a chat: the ends of a text, and what the tokenizer calls the end. */
  readonly chatEnds: readonly number[];
  readonly backend: Backend;
  readonly weights: ModelWeights;
}

interface LoadModelOptions extends WeightFormats {
  readonly source: ModelSource;
  /** The same model's files once the load is over, where `source` may have ended with it. */
  readonly sourceLater?: () => Promise<ModelSource>;
  /** Called when config.json and the tokenizer have proved usable. */
  readonly openBackend: () => Promise<Backend>;
  readonly openTextPlace: () => TextPlace;
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
  const config = await loadConfig(options.source);
  const opened = await openText(options);
  try {
    const backend = await options.openBackend();
    const weights = await streamWeights(config, backend, options);
    const { text = null, facts = noText } = opened ?? {};
    const chatEnds = [...config.eosIds, ...(facts.endToken === null ? [] : [facts.endToken])];
    return { config, text, hasChatTemplate: facts.hasChatTemplate, chatEnds, backend, weights };
  } catch (error) {
    opened?.text.close();
    throw error;
  }
}

const noText: TextFacts = { hasChatTemplate: false, endToken: null };

/** Opens the tokenizer and the template for chats; null where there is no tokenizer. */
function openText({ source, sourceLater, openTextPlace }: LoadModelOptions) {
  let first = true;
  return GuardedText.open(openTextPlace, async () => {
    const from = first || !sourceLater ? source : await sourceLater();
    first = false;
    return readTextFiles(from);
  });
}

function streamWeights(
  { dims, stored }: ModelConfig,
  backend: Backend,
  { source, emit, weights, quantizeEmbeddings = false }: LoadModelOptions,
): Promise<ModelWeights> {
  let progress: EngineEvent | null = null;
  const tellSometimes = throttle(PROGRESS_INTERVAL_MS, () => progress && emit(progress));
  return loadWeights({
    source,
    backend,
    dims,
    storedLayers: valueOf(applyConfig(stored, {}, dims.layerCount)).sharing.layers,
    weights,
    quantizeEmbeddings,
    onRoom: (weightBytes) => emit({ type: 'room', weightBytes, adapter: backend.adapter }),
    onProgress: (file, loadedBytes, totalBytes) => {
      progress = { type: 'download', file, loadedBytes, totalBytes };
      if (loadedBytes === totalBytes) emit(progress);
      else tellSometimes();
    },
  });
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
