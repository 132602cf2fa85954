import { isQuantized } from '../../gpu/numbers/matrix-format.ts';
import type { PeerRequest, WllamaFiles } from '../protocol/peer.ts';
import { MissingFile, nameOf } from './engine-file.ts';
import { ggufFiles } from './gguf-files.ts';
import { loadWasm, readingOf, type OpenedPeer, type Opener } from './opened-peer.ts';

/** The browser lacks what the engine needs. */
export class Unsupported extends Error {}

/** Opens a model in wllama, on the CPU. */
export async function openWllama(
  request: PeerRequest & { readonly files: WllamaFiles },
  opener: Opener,
): Promise<OpenedPeer> {
  const { files } = request;
  opener.begin('engine');
  const lacks = opener.lacksForWllama();
  if (lacks !== null) throw new Unsupported(lacks);
  // Its own worker asks for the file again, and gets what is kept of this answer.
  const wasm = await loadWasm(request, opener);
  if (!isWasm(wasm)) throw new MissingFile(nameOf(files.wasm), 'it is no WebAssembly');
  const place = await opener.loadWllama({ scriptUrl: files.script.url, wasmUrl: files.wasm.url });

  opener.begin('model');
  const { options, prompt } = await readingOf(request, opener);
  const { text, matrices, ...model } = await ggufFiles(options);
  opener.begin('graph');
  const opened = await place.open(model);
  return {
    ...{ write: opened.write, text },
    memory: async () => ({ heapBytes: await opened.heapBytes(), gpuBytes: null }),
    facts: {
      program: `wllama ${files.version}, llama.cpp ${place.version}`,
      ...{ device: 'wasm', build: nameOf(files.wasm), threads: opened.threads, matrices },
      numbers: isQuantized(matrices) ? 'i8' : matrices,
      promptTokens: prompt(),
    },
  };
}

/** wllama itself answers nothing sensible if it is not. */
const isWasm = (bytes: Uint8Array) => String.fromCharCode(...bytes.subarray(0, 4)) === '\0asm';
