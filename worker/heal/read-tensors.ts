import type { AllocateRequest, Backend, ModelWeights } from '../../gpu/backend.ts';
import { CpuWeights } from '../../gpu/cpu/weights.ts';
import type { FindTensor } from '../../gpu/train/parameters.ts';

/** A "backend" that only keeps what the loader reads, in float32, so that healing gets every check of a load. */
export function collectTensors(): { readonly backend: Backend; readonly find: FindTensor } {
  const formats = { weights: 'f32', quantizeEmbeddings: false } as const;
  const tensors = new CpuWeights(formats);
  const refuse = () => Promise.reject(new Error('these weights are only collected'));
  const backend: Backend = {
    adapter: { backend: 'cpu', vendor: '', description: 'weights to be trained', software: true },
    timesKernels: false,
    warmUp: { promptTokens: [], capacities: [] },
    allocate: ({ storedAs }: AllocateRequest) =>
      Promise.resolve({
        put: (spec, firstRow, bytes) => {
          tensors.put(spec, firstRow, bytes, storedAs(spec));
          return Promise.resolve();
        },
        ready: () => Promise.resolve(),
        get bytes() {
          return tensors.bytes;
        },
        open: refuse,
        openBatch: refuse,
        free: () => {
          tensors.clear();
        },
      } satisfies ModelWeights),
    get allocatedBytes() {
      return tensors.bytes;
    },
    destroy: () => {
      tensors.clear();
    },
  };
  return { backend, find: (role, layer) => tensors.find(role, layer) };
}
