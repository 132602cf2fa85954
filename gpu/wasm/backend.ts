import type { Backend } from '../backend.ts';
import { openCpuBackend } from '../reference/backend.ts';
import { backendOnCpu } from '../cpu/model.ts';
import { compileKernels, instructionsHere, type Instructions } from './kernels.ts';
import { WasmWeights } from './weights.ts';

/** The decoder in WebAssembly, with these instructions. */
export async function openWasmBackend(instructions: Instructions): Promise<Backend> {
  const code = await compileKernels(instructions);
  return backendOnCpu(descriptions[instructions], (request) => new WasmWeights(code, request));
}

const descriptions: Readonly<Record<Instructions, string>> = {
  relaxedSimd: 'WebAssembly with relaxed SIMD on the processor',
  simd: 'WebAssembly with SIMD on the processor',
};

/** The fastest decoder on the processor that this engine can run; its adapter says which. */
export function openProcessorBackend(): Promise<Backend> {
  const [best] = instructionsHere();
  return best === undefined ? Promise.resolve(openCpuBackend()) : openWasmBackend(best);
}
