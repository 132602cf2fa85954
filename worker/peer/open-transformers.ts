import { quantizedBy } from '../../gpu/numbers/matrix-format.ts';
import type { PeerRequest, TransformersFiles } from '../protocol/peer.ts';
import { nameOf } from './engine-file.ts';
import { modelFiles } from './model-files.ts';
import { loadWasm, readingOf, type OpenedPeer, type Opener } from './opened-peer.ts';

/** There is no WebGPU here. */
export class NoAdapter extends Error {}

/** Opens a model in transformers.js. */
export async function openTransformers(
  request: PeerRequest & { readonly files: TransformersFiles },
  opener: Opener,
): Promise<OpenedPeer> {
  const { files, weights } = request;
  const onGpu = request.backend === 'webgpu';
  const device = onGpu ? 'webgpu' : 'wasm';
  opener.begin('engine');
  // ONNX Runtime's WebAssembly has no 16-bit arithmetic: it would convert before and after every operator.
  const halves = onGpu ? await opener.halves() : false;
  if (halves === null) throw new NoAdapter();
  const wasmBinary = await loadWasm(request, opener);
  const transformers = await opener.loadTransformers({ files, device, wasmBinary });

  opener.begin('model');
  const { options, prompt } = await readingOf(request, opener);
  const { text, ...model } = await modelFiles({ ...options, halves });
  opener.begin('graph');
  const write = await transformers.open(model);
  const numbers = model.numbers === 'float16' ? 'f16' : 'f32';
  const { versions } = transformers;
  return {
    ...{ write, text, memory: () => opener.memory() },
    facts: {
      program: `transformers.js ${versions.transformers}, ONNX Runtime ${versions.onnxRuntime}`,
      ...{ device, threads: transformers.threads, numbers, promptTokens: prompt() },
      build: nameOf(files.wasm),
      matrices: quantizedBy(weights) ?? numbers,
    },
  };
}
