import { expose } from 'comlink';
import { openSource } from '../hub/any-source.ts';
import { telling } from '../event-port.ts';
import { pageUrl } from '../page-url.ts';
import type { PeerApi } from '../protocol/peer.ts';
import { requestsTo } from '../request.ts';
import { openTextPlace } from '../text/open-text-place.ts';
import { loadBytes, MissingFile, nameOf } from './engine-file.ts';
import { lacksForWllama } from './lacks-for-wllama.ts';
import { watchMemory } from './memory-watch.ts';
import { PeerDesk } from './peer-desk.ts';

async function halves(): Promise<boolean | null> {
  if (!('gpu' in navigator)) return null;
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  return adapter?.features.has('shader-f16') ?? null;
}

/** Loads a script of the page's own files. */
async function ownScript<T>(urls: readonly [string, ...string[]], load: () => Promise<T>): Promise<T> {
  const other = urls.find((url) => new URL(url).origin !== self.location.origin);
  if (other !== undefined) throw new Error(`${other} is not of this page`);
  try {
    return await load();
  } catch (error) {
    throw new MissingFile(nameOf({ url: urls[0] }), error instanceof Error ? error.message : String(error));
  }
}

/** Answers the calls of the page from this worker, which runs a model on another engine. */
export function servePeer(): void {
  const desk = new PeerDesk({
    openSource,
    openTextPlace,
    halves,
    // Only what the page itself serves is loaded, and `import()` asks the same origin.
    loadWasm: (wasm, onProgress) => loadBytes(wasm, requestsTo([pageUrl()]), onProgress),
    loadTransformers: async (options) => {
      const { script, loader } = options.files;
      const { loadTransformers } = await import('./transformers-js.ts');
      return ownScript([script.url, loader.url], () => loadTransformers(options));
    },
    lacksForWllama,
    loadWllama: async (options) => {
      const { loadWllama } = await import('./wllama.ts');
      return ownScript([options.scriptUrl, options.wasmUrl], () => loadWllama(options));
    },
    memory: watchMemory(),
  });
  const api: PeerApi = {
    open: (request, onEvent) => telling(onEvent, (emit) => desk.open(request, emit)),
    write: (onEvent) => telling(onEvent, (emit) => desk.write(emit)),
  };
  expose(api);
}
