/** A model of three layers with a checkpoint in memory, and a backend that records what it receives. */
import { expect } from 'vitest';
import type { Backend, ModelWeights } from '../../../gpu/backend.ts';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { storedRowBytes } from '../../../gpu/numbers/matrix-format.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { loadWeights } from '../../../worker/loader/load-weights.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { fileOfTensors, type TensorOf } from './safetensors-file.ts';

export const { dims, stored } = valueOf(
  parseModelConfig({
    model_type: 'lckv-llama',
    vocab_size: 11,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 64,
    layer_types: '0_2_2',
  }),
);
export const storedLayers = valueOf(applyConfig(stored, {}, dims.layerCount)).sharing.layers;
export const specs = weightSpecs(dims, storedLayers);
export const dtypes = ['F32', 'F16', 'BF16'];

/** A checkpoint of all three types. Each byte depends on its position. Below 101, the numbers are finite. */
export function tensorsOf(): Map<string, TensorOf> {
  const tensors = [...specs].reverse().map(({ name, rows, cols, vector }, index) => {
    const dtype = dtypes[index % dtypes.length] ?? 'F32';
    const length = rows * cols * (dtype === 'F32' ? 4 : 2);
    const bytes = Uint8Array.from({ length }, (_, byte) => (byte * 31 + index * 7) % 101);
    return [name, { dtype, shape: vector ? [cols] : [rows, cols], bytes }] as const;
  });
  return new Map([['unneeded.inv_freq', { dtype: 'I64', shape: [1], bytes: new Uint8Array(8) }], ...tensors]);
}

/** A CPU backend that records what it receives and what is freed. */
export function notingBackend({ failAtPut = Infinity } = {}) {
  const put = new Map<string, number[]>();
  let puts = 0;
  let freed = 0;
  const cpu = openCpuBackend();
  const backend: Backend = {
    adapter: cpu.adapter,
    timesKernels: cpu.timesKernels,
    warmUp: cpu.warmUp,
    get allocatedBytes() {
      return cpu.allocatedBytes;
    },
    destroy: () => {
      cpu.destroy();
    },
    allocate: async (request) => {
      const weights = await cpu.allocate(request);
      const noting: ModelWeights = {
        get bytes() {
          return weights.bytes;
        },
        put: (spec, firstRow, bytes) => {
          if (++puts > failAtPut) return Promise.reject(new Error('the backend broke'));
          const rowBytes = storedRowBytes(request.storedAs(spec), spec.cols);
          const taken = put.get(spec.name) ?? [];
          expect(taken.length).toBe(firstRow * rowBytes);
          expect(bytes.length % rowBytes).toBe(0);
          put.set(spec.name, [...taken, ...bytes]);
          return weights.put(spec, firstRow, bytes);
        },
        ready: () => weights.ready(),
        open: (options) => weights.open(options),
        openBatch: (options) => weights.openBatch(options),
        free: () => {
          freed++;
          weights.free();
        },
      };
      return noting;
    },
  };
  return { backend, put, puts: () => puts, freed: () => freed };
}

export const load = (
  source: ModelSource,
  backend: Backend,
  onProgress: (...progress: [string, number, number]) => void = () => undefined,
  onRoom: (bytes: number) => void = () => undefined,
) =>
  loadWeights({
    source,
    backend,
    dims,
    storedLayers,
    weights: 'stored',
    quantizeEmbeddings: false,
    onRoom,
    onProgress,
  });

/** The same tensors in two shards and an index. */
export function shardsOf(tensors: Map<string, TensorOf>) {
  const names = [...tensors.keys()];
  const half = new Set(names.slice(0, names.length / 2));
  const part = (first: boolean) => new Map([...tensors].filter(([name]) => half.has(name) === first));
  const map = Object.fromEntries(
    names.map((name) => [name, half.has(name) ? 'a.safetensors' : 'b.safetensors']),
  );
  const total_size = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  return {
    'a.safetensors': fileOfTensors(part(true)),
    'b.safetensors': fileOfTensors(part(false)),
    'model.safetensors.index.json': JSON.stringify({ metadata: { total_size }, weight_map: map }),
  };
}
