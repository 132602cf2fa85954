// What tests need from Node: `#platform` in the suite `node`. platform-browser.ts is its twin.
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { create, globals } from 'webgpu';
import { openFolderSource } from '../../tools/headless/folder-source.ts';
import { useSoftwareVulkan } from '../../tools/setup/vulkan.mjs';
import type { ModelSource } from '../../worker/loader/model-source.ts';
import { adapterOrFail } from './adapter-or-fail.ts';
import { makeDawnPatient } from './patient-dawn.ts';

export const runningIn: 'node' | 'chromium' = 'node';

let dawn: GPU | undefined;

/** WebGPU, or an error if it has no adapter. Kept, because Dawn ends with the last reference to it. */
export async function requestGpu(): Promise<GPU> {
  if (!dawn) {
    useSoftwareVulkan();
    makeDawnPatient();
    Object.assign(globalThis, globals);
    dawn = create([]);
  }
  await adapterOrFail(dawn, `VK_ICD_FILENAMES is ${process.env['VK_ICD_FILENAMES'] ?? 'not set'}`);
  return dawn;
}

/** The files of a model by the path of its folder in this project. */
export const modelSource = (folder: string): ModelSource =>
  openFolderSource(resolve(import.meta.dirname, '../..', folder));

/** Bytes of live JavaScript objects after garbage collection. Null if the platform does not report them. */
export function liveHeapBytes(): number | null {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void; // the flag defines it
  // Objects that one collection ends may hold memory that only the next one frees, above all WebAssembly's.
  let least = Infinity;
  for (let i = 0; i < 10; i++) {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}
