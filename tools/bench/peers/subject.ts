// A worker: one engine with one model, which continues prompts as it is told.
import type { WeightPrecision } from '../../../gpu/numbers/matrix-format.ts';
import { openProcessorBackend } from '../../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../../gpu/webgpu/backend.ts';
import { openPageSource } from '../../../worker/loader/page-source.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { Continue } from '../../../worker/peer/continued.ts';
import { ggufFiles } from '../../../worker/peer/gguf-files.ts';
import { modelFiles } from '../../../worker/peer/model-files.ts';
import { loadTransformers } from '../../../worker/peer/transformers-js.ts';
import { loadWllama } from '../../../worker/peer/wllama.ts';
import type { TransformersFiles, WllamaFiles } from '../../../worker/protocol/peer.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { threadsHere } from '../../../worker/threads/threads-here.ts';
import { openKvtab } from '../transformers/decode-kvtab.ts';

export interface SubjectRequest {
  readonly engine: 'kvtab' | 'wllama' | 'transformers.js';
  readonly backend: 'cpu' | 'webgpu';
  readonly weights: WeightPrecision;
  /** Below which `models/<model>/` lies. */
  readonly modelsUrl: string;
  readonly model: string;
  readonly threads: number;
  /** The most tokens of a text. */
  readonly positions: number;
  /** null for kvtab. */
  readonly files: TransformersFiles | WllamaFiles | null;
}

let write: Continue | null = null;

/** @returns what runs, in words */
async function open(request: SubjectRequest): Promise<string> {
  const { engine, backend, weights, modelsUrl, model, threads, files } = request;
  const source = valueOf(openPageSource(modelsUrl, model));
  const formats = { weights, quantizeEmbeddings: true };
  const reading = {
    ...{ ...formats, source, config: {}, openTextPlace: placeHere, emit: () => undefined },
    positions: () => request.positions,
  };
  if (files === null) {
    const own = await (backend === 'cpu'
      ? openProcessorBackend(threads > 1 ? threadsHere() : undefined)
      : openWebGpuBackend(navigator.gpu));
    write = await openKvtab(own, modelsUrl, model, formats);
    return `kvtab, ${own.adapter.description}`;
  }
  if (files.engine === 'wllama') {
    const place = await loadWllama({ scriptUrl: files.script.url, wasmUrl: files.wasm.url, threads });
    const opened = await place.open(await ggufFiles(reading));
    ({ write } = opened);
    return `${engine} ${files.version}, llama.cpp ${place.version}, ${opened.threads} threads`;
  }
  const device = backend === 'cpu' ? 'wasm' : 'webgpu';
  const library = await loadTransformers({ files, device, threads });
  write = await library.open(await modelFiles({ ...reading, halves: false }));
  const { transformers, onnxRuntime } = library.versions;
  return `${engine} ${transformers}, ONNX Runtime ${onnxRuntime}, ${library.threads} threads`;
}

interface Message {
  readonly open?: SubjectRequest;
  readonly run?: { readonly prompt: readonly number[]; readonly newTokens: number };
}

self.onmessage = ({ data }: MessageEvent<Message>) => {
  const answer = async () => {
    if (data.open) return open(data.open);
    if (!write || !data.run) throw new Error('nothing is open');
    return write(data.run.prompt, data.run.newTokens);
  };
  answer().then(
    (value) => {
      postMessage({ value });
    },
    (error: unknown) => {
      postMessage({ error: error instanceof Error ? error.message : String(error) });
    },
  );
};
