import { join } from 'node:path';
import { mkdir, writeFile } from 'node:fs/promises';
import type { Backend } from '../../../gpu/backend.ts';
import { CpuWeights } from '../../../gpu/cpu/weights.ts';
import { ownersOf } from '../../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { loadModel } from '../../../worker/loader/load-model.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { openFolderSource } from '../../headless/folder-source.ts';
import { decoderGraph } from './decoder-graph.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

/** Writes a model as transformers.js reads it: `config.json` and `onnx/model.onnx`, under the model's own plan. */
export async function writeModelFiles(from: string, to: string): Promise<void> {
  const { onnx, config } = await modelFiles(openFolderSource(from));
  await mkdir(join(to, 'onnx'), { recursive: true });
  await writeFile(join(to, 'onnx', 'model.onnx'), onnx);
  await writeFile(join(to, 'config.json'), JSON.stringify(config, null, 2));
}

/** The contents of those files. */
export async function modelFiles(source: ModelSource) {
  const tensors = new CpuWeights({ weights: 'stored', quantizeEmbeddings: false });
  const openBackend = () => Promise.resolve(collector(tensors));
  const { config } = await loadModel({
    source,
    openBackend,
    openTextPlace: placeHere,
    weights: 'stored',
    quantizeEmbeddings: false,
    emit: () => undefined,
  });
  const { sharing } = valueOf(applyConfig(config.stored, {}, config.dims.layerCount));
  return {
    onnx: decoderGraph(config.dims, sharing, tensors),
    config: configFor(config.dims, ownersOf(sharing.layers).length),
  };
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
const collector = (tensors: CpuWeights): Backend => ({
  adapter: { backend: 'cpu', vendor: '', description: 'none', software: true },
  timesKernels: false,
  warmUp: { promptTokens: [], capacities: [] },
  allocatedBytes: 0,
  destroy: () => undefined,
  allocate: ({ storedAs }) =>
    Promise.resolve({
      bytes: 0,
      put: (spec, firstRow, bytes) => {
        tensors.put(spec, firstRow, bytes, storedAs(spec));
        return Promise.resolve();
      },
      ready: () => Promise.resolve(),
      open: () => Promise.reject(new Error('nothing decodes here')),
      openBatch: () => Promise.reject(new Error('nothing decodes here')),
      free: () => undefined,
    }),
});
