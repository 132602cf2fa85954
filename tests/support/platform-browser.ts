// What tests need from a page: `#platform` in the suite `chromium`. platform-node.ts is its twin.
import type { ModelSource } from '../../worker/loader/model-source.ts';
import { adapterOrFail } from './adapter-or-fail.ts';

export const runningIn: 'node' | 'chromium' = 'chromium';

/** WebGPU, or an error if it has no adapter. */
export async function requestGpu(): Promise<GPU> {
  // The types promise `navigator.gpu`; a browser without WebGPU has none.
  const gpu = navigator.gpu as GPU | undefined;
  if (!gpu) throw new Error('This browser has no navigator.gpu: is the page a secure context?');
  await adapterOrFail(gpu, navigator.userAgent);
  return gpu;
}

/** The files of a model by the path of its folder in this project. The test server's root is public/. */
export function modelSource(folder: string): ModelSource {
  const root = folder.startsWith('public/') ? folder.slice('public'.length) : `/${folder}`;
  const get = async (file: string) => {
    const response = await fetch(`${root}/${file}`);
    if (response.ok) return response;
    if (response.status === 404) return null;
    throw new Error(`${root}/${file} answered ${response.status}`);
  };
  return {
    names: () => Promise.resolve([]),
    text: async (file) => (await get(file))?.text() ?? null,
    open: async (file, begin = 0) => {
      const bytes = await (await get(file))?.bytes();
      return bytes ? { sizeBytes: bytes.length, chunks: once(bytes.subarray(begin)) } : null;
    },
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield await Promise.resolve(bytes);
}

/** A page cannot request garbage collection. */
export const liveHeapBytes = (): number | null => null;
