import type { Backend, ModelWeights } from '../../gpu/backend.ts';
import { isKernelFile } from '../../gpu/kv/policies/kernel-file-name.ts';
import type { KernelFile } from '../../gpu/kv/policies/kernel-file.ts';
import type { WeightFormats } from '../../gpu/numbers/matrix-format.ts';
import { attemptAsync, Refused, valueOf } from '../outcome.ts';
import type { EngineEvent } from '../protocol/engine.ts';
import type { SuggestedSampling } from '../protocol/load.ts';
import { ProgressReports } from '../progress-reports.ts';
import { GuardedText, type TextPlace } from '../text/guarded-text.ts';
import type { PrefixToken, TextFacts } from '../text/text-api.ts';
import { applyConfig } from './apply-config.ts';
import type { LoadedWeights } from './load-weights.ts';
import { BadJson } from '../hostile-json.ts';
import { parseConfigJson } from './config-json.ts';
import type { GenerationConfig } from './generation-config.ts';
import { CONFIG, parseModelConfig, type ModelConfig } from './model-config.ts';
import type { ModelSource } from './model-source.ts';
import { readTextFiles } from './text-files.ts';

export interface LoadedModel {
  readonly config: ModelConfig;
  /** config.json as it is written. */
  readonly configText: string;
  /** null if the model has no tokenizer. */
  readonly text: GuardedText | null;
  readonly hasChatTemplate: boolean;
  /** Tokens that end a turn of a chat: the ends of a text, and what the tokenizer calls the end. */
  readonly chatEnds: readonly number[];
  /** What stands before a text without a context; null if the tokenizer names none. */
  readonly prefix: PrefixToken | null;
  readonly backend: Backend;
  readonly weights: ModelWeights;
  readonly kernels: readonly KernelFile[];
  readonly suggestedSampling: SuggestedSampling | null;
  /** What in the files is contradictory or unused, as sentences. */
  readonly notices: readonly string[];
}

interface LoadModelOptions extends WeightFormats {
  readonly source: ModelSource;
  /** The same model's files after the load, if `source` may end with it. */
  readonly sourceLater?: () => Promise<ModelSource>;
  /** Called after config.json and the tokenizer have been read. */
  readonly openBackend: () => Promise<Backend>;
  readonly openTextPlace: () => TextPlace;
  readonly emit: (event: EngineEvent) => void;
}

/** Fetched beside config.json and the tokenizer, which are read first. */
const codeForWeights = () => import('./load-weights.ts');

/**
 * Reads a model's folder: config.json, the tokenizer if there is one, and the weights into the backend.
 *
 * @throws Refused if a file is wrong, BackendError
 */
export async function loadModel(options: LoadModelOptions): Promise<LoadedModel> {
  void codeForWeights().catch(() => undefined); // asked for again below
  const { config, configText, ...generation } = await loadConfig(options.source);
  const opened = await openText(options);
  try {
    const backend = await options.openBackend();
    const { weights, dims, notices } = await streamWeights(config, backend, options);
    const { text = null, facts = noText } = opened ?? {};
    const kernels = await listKernels(options.source);
    return {
      config: { ...config, dims },
      configText,
      text,
      hasChatTemplate: facts.hasChatTemplate,
      chatEnds: [...config.eosIds, ...(facts.endToken === null ? [] : [facts.endToken])],
      // A token of the tokenizer's files alone: the model has no row for it.
      prefix: facts.prefix && facts.prefix.id < dims.vocabSize ? facts.prefix : null,
      backend,
      weights,
      kernels,
      suggestedSampling: generation.suggested,
      notices: [...generation.notices, ...facts.notices, ...notices],
    };
  } catch (error) {
    opened?.text.close();
    throw error;
  }
}

const noText: TextFacts = { hasChatTemplate: false, endToken: null, prefix: null, notices: [] };

/** Opens the tokenizer and the template for chats; null if there is no tokenizer. */
function openText({ source, sourceLater, openTextPlace }: LoadModelOptions) {
  let first = true;
  return GuardedText.open(openTextPlace, async () => {
    const from = first || !sourceLater ? source : await sourceLater();
    first = false;
    return readTextFiles(from);
  });
}

async function streamWeights(
  { dims, stored }: ModelConfig,
  backend: Backend,
  { source, emit, weights, quantizeEmbeddings }: LoadModelOptions,
): Promise<LoadedWeights> {
  const { loadWeights } = await codeForWeights();
  const progress = new ProgressReports(emit);
  const loading = loadWeights({
    source,
    backend,
    dims,
    storedLayers: valueOf(applyConfig(stored, {}, dims.layerCount)).sharing.layers,
    weights,
    quantizeEmbeddings,
    onRoom: (weightBytes) => emit({ type: 'room', weightBytes, adapter: backend.adapter }),
    onProgress: (file, loadedBytes, totalBytes) => {
      progress.tell({ type: 'download', file, loadedBytes, totalBytes });
      if (loadedBytes === totalBytes) progress.flush();
    },
  });
  return loading.finally(() => {
    progress.end();
  });
}

/** The kernels of LESS beside the weights. The code that looks into them is fetched only if there are some. */
async function listKernels(source: ModelSource): Promise<readonly KernelFile[]> {
  const files = (await source.names()).filter(
    (name) => /^(kernels|less-.*)\./.test(name) && isKernelFile(name),
  );
  if (files.length === 0) return [];
  const { describeKernels } = await import('./describe-kernels.ts');
  return describeKernels(source, files);
}

async function loadConfig(source: ModelSource) {
  const text = await source.text(CONFIG);
  if (text === null) {
    const { otherWeights } = await import('./other-weights.ts'); // hardly any model needs it
    const reason = `there is no such file${otherWeights(await source.names())}`;
    throw new Refused({ code: 'download-failed', file: CONFIG, status: 404, reason });
  }
  const config = valueOf(parseModelConfig(parseConfig(text)));
  const generation = await loadGenerationConfig(source, config.dims.vocabSize);
  const eosIds = [...new Set([...config.eosIds, ...generation.eosIds])];
  return { ...generation, config: { ...config, eosIds }, configText: text };
}

/** The code that reads the file is fetched only if there is one. One that is far too large is named in a notice. */
async function loadGenerationConfig(source: ModelSource, vocabSize: number): Promise<GenerationConfig> {
  const file = 'generation_config.json';
  const read = await attemptAsync(() => source.text(file));
  if (!read.ok && read.failure.code === 'unreadable-file') {
    return { eosIds: [], suggested: null, notices: [`${file} is not used: ${read.failure.reason}.`] };
  }
  const text = valueOf(read);
  if (text === null) return { eosIds: [], suggested: null, notices: [] };
  const { parseGenerationConfig } = await import('./generation-config.ts');
  return parseGenerationConfig(text, vocabSize);
}

function parseConfig(text: string): unknown {
  try {
    return parseConfigJson(text);
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    throw new Refused({ code: 'bad-config', file: CONFIG, field: CONFIG, reason: error.message });
  }
}
