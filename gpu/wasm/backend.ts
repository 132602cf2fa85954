import type { Backend } from '../backend.ts';
import { openCpuBackend } from '../reference/backend.ts';
import { backendOnCpu } from '../cpu/model.ts';
import { compileKernels, instructionsHere, type Instructions } from './kernels.ts';
import { LinearMemory, sharedMemory } from './linear-memory.ts';
import { Threads } from './threads/threads.ts';
import { WasmWeights } from './weights.ts';

/** One thread, because nobody asked for more. */
const alone = () => new Threads(1, null);

/** The decoder in WebAssembly, with these instructions. */
export async function openWasmBackend(instructions: Instructions, threads = alone()): Promise<Backend> {
  const code = await compileKernels(instructions);
  const forShared = threads.count > 1 ? await compileKernels(instructions, true).catch(() => null) : null;
  const describe = () => `${descriptions[instructions]}, ${threads.inWords}`;
  return backendOnCpu(describe, (request) => {
    const memory = forShared && sharedMemory();
    if (memory) return new WasmWeights(new LinearMemory(memory), forShared, threads, request);
    if (threads.count > 1) threads.giveUp('this engine has no memory that threads can share');
    return new WasmWeights(new LinearMemory(), code, threads, request);
  });
}

const descriptions: Readonly<Record<Instructions, string>> = {
  relaxedSimd: 'WebAssembly with relaxed SIMD on the processor',
  simd: 'WebAssembly with SIMD on the processor',
};

/** The fastest decoder on the processor that this engine can run; its adapter says which. */
export function openProcessorBackend(threads = alone()): Promise<Backend> {
  const [best] = instructionsHere();
  return best === undefined ? Promise.resolve(openCpuBackend()) : openWasmBackend(best, threads);
}
