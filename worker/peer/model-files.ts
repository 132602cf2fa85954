import type { AllocateRequest, Backend } from '../../gpu/backend.ts';
import { CpuWeights } from '../../gpu/cpu/weights.ts';
import { quantizedBy, type WeightFormats, type WeightPrecision } from '../../gpu/numbers/matrix-format.ts';
import { groupSize as quantizedGroup } from '../../gpu/numbers/quantize.ts';
import { ownersOf, readsAbove } from '../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { weightSpecs, type WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { loadModel } from '../loader/load-model.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { valueOf } from '../outcome.ts';
import type { EngineEvent } from '../protocol/engine.ts';
import type { SharingConfig } from '../protocol/load.ts';
import type { GuardedText, TextPlace } from '../text/guarded-text.ts';
import { decoderGraph, type GraphOptions } from './graph/decoder-graph.ts';
import type { Numbers } from './graph/onnx-graph.ts';

/** The most bytes of a file whose parts have lengths, as ONNX files do. A graph also has a few that are not weights. */
const LONGEST_FILE = 2 ** 31 - 2 ** 24;

/** A model whose weights do not fit into one file for the engine. */
export class TooLarge extends Error {
  readonly bytes: number;
  readonly mostBytes: number;

  constructor(bytes: number, mostBytes: number) {
    super(`the weights take ${bytes} bytes, and the file holds fewer than ${mostBytes}`);
    this.name = 'TooLarge';
    this.bytes = bytes;
    this.mostBytes = mostBytes;
  }
}

export interface CheckpointOptions extends WeightFormats {
  readonly source: ModelSource;
  /** Differences from the checkpoint's own configuration. */
  readonly config: Partial<SharingConfig>;
  /** The most tokens of a text. */
  readonly positions: (text: GuardedText | null, dims: ModelDims) => number | Promise<number>;
  readonly openTextPlace: () => TextPlace;
  readonly emit: (event: EngineEvent) => void;
}

export interface ModelFilesOptions extends CheckpointOptions {
  /** Whether 16-bit weights are also computed with in 16 bits. Otherwise float32 holds them, exactly. */
  readonly halves: boolean;
}

/** A checkpoint's numbers under a plan. */
export interface Checkpoint {
  readonly dims: ModelDims;
  /** null if the model has no tokenizer. Close it. */
  readonly text: GuardedText | null;
  readonly sharing: Sharing;
  readonly tensors: CpuWeights;
  readonly storedAs: AllocateRequest['storedAs'];
  readonly positions: number;
}

/**
 * Reads a checkpoint. Numbers are as stored, also those that will be quantized.
 *
 * @param look sees what the checkpoint has, before its numbers are read
 * @throws Refused
 */
export async function readCheckpoint(
  options: CheckpointOptions,
  look: (request: AllocateRequest) => void,
): Promise<Checkpoint> {
  const { weights } = options;
  // What is written quantizes the stored numbers itself.
  const kept = { weights: quantizedBy(weights) ? 'stored' : weights, quantizeEmbeddings: false } as const;
  const tensors = new CpuWeights(kept);
  let storedAs: AllocateRequest['storedAs'] = () => 'f32';
  const { config, text } = await loadModel({
    ...kept,
    source: options.source,
    openBackend: () =>
      Promise.resolve(
        collector(tensors, (request) => {
          ({ storedAs } = request);
          look(request);
        }),
      ),
    openTextPlace: options.openTextPlace,
    emit: options.emit,
  });
  const { dims, stored } = config;
  const from = valueOf(applyConfig(stored, {}, dims.layerCount)).sharing.layers;
  const { sharing } = valueOf(applyConfig(stored, options.config, dims.layerCount));
  const positions = await options.positions(text, dims);
  return { dims, text, sharing, tensors: tensors.convert(from, sharing.layers), storedAs, positions };
}

export interface ModelFiles {
  readonly dims: ModelDims;
  /** null if the model has no tokenizer. Close it. */
  readonly text: GuardedText | null;
  /** Whether a prompt may be read all at once: no layer needs the past of a layer above. */
  readonly readsPromptAtOnce: boolean;
  readonly numbers: Numbers;
  /** The content of `onnx/model.onnx`. */
  readonly onnx: Uint8Array<ArrayBuffer>;
  /** The content of `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * A checkpoint under a plan, as transformers.js reads it.
 *
 * @throws TooLarge, Refused, NotQuantizable
 */
export async function modelFiles(options: ModelFilesOptions): Promise<ModelFiles> {
  const { weights, quantizeEmbeddings } = options;
  const quantized = quantizedBy(weights);
  let numbers: Numbers = 'float';
  const { dims, text, sharing, tensors, positions } = await readCheckpoint(options, (request) => {
    if (options.halves) numbers = numbersFor(weights, request);
    const bytes = fileBytes(request, { numbers, quantized, quantizeEmbeddings });
    if (bytes > LONGEST_FILE) throw new TooLarge(bytes, LONGEST_FILE);
  });
  return {
    ...{ dims, text, numbers },
    readsPromptAtOnce: sharing.layers.every((layer) => !readsAbove(layer)) && !sharing.forceNodiag,
    onnx: decoderGraph(dims, sharing, tensors, {
      ...{ numbers, quantized, quantizeEmbeddings, positions },
    }),
    config: configFor(dims, ownersOf(sharing.layers).length),
  };
}

/** 16 bits, unless that would round a number that kvtab keeps in 32. */
function numbersFor(weights: WeightPrecision, { dims, storedLayers, storedAs }: AllocateRequest): Numbers {
  const specs = weightSpecs(dims, storedLayers).filter(({ vector }) => !vector);
  const single =
    weights === 'f32' || (weights === 'stored' && specs.some((spec) => storedAs(spec) === 'f32'));
  return single ? 'float' : 'float16';
}

/** What the weights take in the file. A tied head stands there once more. */
function fileBytes(
  { dims, storedLayers }: AllocateRequest,
  { numbers, quantized, quantizeEmbeddings }: Omit<GraphOptions, 'positions'>,
): number {
  const plain = { float: 4, float16: 2 }[numbers];
  const packed = quantized === null ? plain : { q8: 1, q4: 0.5 }[quantized] + plain / quantizedGroup;
  const bytesOf = ({ role, rows, cols, vector }: WeightSpec) => {
    const spared = vector || role === 'embed' || (role === 'head' && !quantizeEmbeddings);
    return rows * cols * (spared ? plain : packed);
  };
  const specs = weightSpecs(dims, storedLayers);
  const head = specs.filter(({ role }) => dims.tiedEmbeddings && role === 'embed');
  return [...specs, ...head].reduce((sum, spec) => sum + bytesOf(spec), 0);
}

/** transformers.js makes one cache per layer, so the layers are those that own KV. No end token: the length is fixed. */
const configFor = (dims: ModelDims, caches: number) => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: dims.vocabSize,
  hidden_size: dims.hiddenSize,
  intermediate_size: dims.intermediateSize,
  num_hidden_layers: caches,
  num_attention_heads: dims.heads,
  num_key_value_heads: dims.kvHeads,
  head_dim: dims.headDim,
  max_position_embeddings: dims.contextTokens,
});

/** A backend that keeps the weights that the loader gives it, and computes nothing. */
const collector = (tensors: CpuWeights, look: (request: AllocateRequest) => void): Backend => ({
  adapter: { backend: 'cpu', vendor: '', description: 'none', software: true },
  timesKernels: false,
  warmUp: { promptTokens: [], capacities: [] },
  allocatedBytes: 0,
  destroy: () => undefined,
  allocate: (request) => {
    look(request);
    const { storedAs } = request;
    return Promise.resolve({
      bytes: 0,
      put: (spec, firstRow, bytes) => {
        tensors.put(spec, firstRow, bytes, storedAs(spec));
        return Promise.resolve();
      },
      ready: () => Promise.resolve(),
      open: () => Promise.reject(new Error('nothing decodes here')),
      openBatch: () => Promise.reject(new Error('nothing decodes here')),
      free: () => undefined,
    });
  },
});
