import { expose } from 'comlink';
import { EventPort } from '../event-port.ts';
import { openHubSource } from '../hub/hub-source.ts';
import { openFilesSource } from '../loader/files-source.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { openPageSource } from '../loader/page-source.ts';
import { valueOf } from '../outcome.ts';
import type { ModelRef } from '../protocol/load.ts';
import type { OnPeerEvent, PeerApi, PeerEvent } from '../protocol/peer.ts';
import { requestsTo } from '../request.ts';
import { placeInWorker } from '../text/place-in-worker.ts';
import { loadBytes, MissingFile, nameOf } from './engine-file.ts';
import { watchMemory } from './memory-watch.ts';
import { PeerDesk } from './peer-desk.ts';

// A build puts workers into assets/, one folder below the page. The development server serves the page at its base.
const pageUrl = new URL(import.meta.env.DEV ? import.meta.env.BASE_URL : '../', self.location.href);

/** Releases the page's callback when the call has ended. */
async function telling<T>(onEvent: OnPeerEvent, work: (emit: OnPeerEvent) => Promise<T>): Promise<T> {
  const port = new EventPort<PeerEvent>(onEvent);
  try {
    return await work(port.emit);
  } finally {
    await port.close();
  }
}

/** A model that ships, files that were opened, or a repository, which is read from this device if it is stored. */
async function openSource(model: ModelRef): Promise<ModelSource> {
  if (typeof model === 'string') return valueOf(openPageSource(pageUrl.href, model));
  if (model.from === 'files') return openFilesSource(model.files);
  return openHubSource(model, new AbortController().signal);
}

async function halves(): Promise<boolean | null> {
  if (!('gpu' in navigator)) return null;
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  return adapter?.features.has('shader-f16') ?? null;
}

/** Answers the calls of the page from this worker, which runs a model on transformers.js. */
export function servePeer(): void {
  const desk = new PeerDesk({
    openSource,
    openTextPlace: () =>
      placeInWorker(new Worker(new URL('../text/main.ts', import.meta.url), { type: 'module' })),
    halves,
    // Only what the page itself serves is loaded, and `import()` asks the same origin.
    loadWasm: ({ wasm }, onProgress) => loadBytes(wasm, requestsTo([pageUrl]), onProgress),
    loadTransformers: async (options) => {
      const { script, loader } = options.files;
      for (const { url } of [script, loader]) {
        if (new URL(url).origin !== self.location.origin) throw new Error(`${url} is not of this page`);
      }
      const { loadTransformers } = await import('./transformers-js.ts');
      try {
        return await loadTransformers(options);
      } catch (error) {
        throw new MissingFile(nameOf(script), error instanceof Error ? error.message : String(error));
      }
    },
    memory: watchMemory(),
  });
  const api: PeerApi = {
    open: (request, onEvent) => telling(onEvent, (emit) => desk.open(request, emit)),
    write: (onEvent) => telling(onEvent, (emit) => desk.write(emit)),
  };
  expose(api);
}
