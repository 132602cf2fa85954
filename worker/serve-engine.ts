import { expose } from 'comlink';
import type { Threads } from '../gpu/wasm/threads/threads.ts';
import { Engine } from './engine/engine.ts';
import { openFilesSource } from './loader/files-source.ts';
import { openPageSource } from './loader/page-source.ts';
import { attemptAsync, succeed } from './outcome.ts';
import { pageUrl } from './page-url.ts';
import { roomLeft } from './storage/room.ts';
import { openTextPlace } from './text/open-text-place.ts';

/** Answers the calls of the page from this worker, which does all the computing. */
export function serveEngine(): void {
  // A visitor needs one backend. Where there is WebGPU it is nearly always that one, so it loads beside the model.
  if ('gpu' in navigator) void import('../gpu/webgpu/backend.ts').catch(() => undefined); // asked for again below
  let threads: Threads | null = null;
  expose(
    new Engine({
      openBackend: async (choice, profiling) => {
        if (choice === 'webgpu') {
          const { openWebGpuBackend } = await import('../gpu/webgpu/backend.ts');
          return openWebGpuBackend(navigator.gpu, { profiling });
        }
        const [{ openProcessorBackend }, { threadsHere }] = await Promise.all([
          import('../gpu/wasm/backend.ts'),
          import('./threads/threads-here.ts'),
        ]);
        return openProcessorBackend((threads ??= threadsHere()));
      },
      openSource: (model) => openPageSource(pageUrl().href, model),
      openBrought: async (model, cancelled) =>
        model.from === 'files'
          ? succeed(openFilesSource(model.files))
          : // Hashing and storage are loaded with the first model that needs them.
            attemptAsync(async () => {
              const { openHubSource } = await import('./hub/hub-source.ts');
              return openHubSource(model, cancelled, { locks: navigator.locks, room: roomLeft });
            }),
      exportModel: async (model, request, run) => {
        const { exportInPage } = await import('./export/export-in-page.ts');
        return exportInPage(model, request, run);
      },
      openTextPlace,
      warmUp: true,
      shapeMemory: {
        get: async (key) => (await import('./storage/kernel-shapes.ts')).kernelShapes.get(key),
        set: async (key, workgroup) =>
          (await import('./storage/kernel-shapes.ts')).kernelShapes.set(key, workgroup),
      },
    }),
  );
  void import('./export/zip-store.ts').then(
    ({ forgetOldZips }) => forgetOldZips(),
    () => undefined, // the next visit will
  );
}
