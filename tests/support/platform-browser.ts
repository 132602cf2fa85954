// What a test needs of a page: `#platform` in the suite `chromium`. platform-node.ts is its twin.
import { adapterOrFail } from './adapter-or-fail.ts';

export const runningIn: 'node' | 'chromium' = 'chromium';

/** WebGPU, or an error where it has no adapter. */
export async function requestGpu(): Promise<GPU> {
  // The types promise `navigator.gpu`; a browser without WebGPU has none.
  const gpu = navigator.gpu as GPU | undefined;
  if (!gpu) throw new Error('This browser has no navigator.gpu: is the page a secure context?');
  await adapterOrFail(gpu, navigator.userAgent);
  return gpu;
}
