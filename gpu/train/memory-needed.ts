import { Parameters } from './parameters.ts';
import { Tapes, writeProgram } from './program.ts';
import { allocateScratch, type Purpose } from './space.ts';
import { programsOf } from './program-kinds.ts';
import type { TrainerOptions } from './trainer.ts';

/** Bytes that a training takes, by what they are for. */
export type MemoryNeeded = Readonly<Record<Purpose, number>>;

/** More than a tab should take. WebAssembly ends at 4 GiB. */
export const MOST_BYTES = 2 * 2 ** 30;

/** What `LinearMemory` rounds pieces to. */
const ALIGNMENT = 64;

/** What a training will take, to the byte. Nothing is allocated. */
export function memoryNeeded(
  options: Pick<TrainerOptions, 'dims' | 'sharing' | 'passes' | 'recipe'>,
): MemoryNeeded {
  const { dims, sharing, recipe } = options;
  const bytes: Record<Purpose, number> = { weights: 0, gradients: 0, optimizer: 0, activations: 0 };
  const count = (purpose: Purpose, wanted: number) => {
    bytes[purpose] += Math.ceil(wanted / ALIGNMENT) * ALIGNMENT;
    return 1;
  };
  new Parameters(dims, sharing.layers, recipe.trained, count);
  allocateScratch(dims, recipe.tokensPerSequence, count);
  const tapes = new Tapes(dims, recipe.tokensPerSequence, count);
  for (const { passes, trained } of programsOf(options)) {
    if (trained) writeProgram(sharing, passes, recipe.trained, tapes);
    // Passes without gradients use the same room, however many there are.
    else writeProgram(sharing, { forward: 2, backward: 0 }, null, tapes);
  }
  return bytes;
}

export const totalBytes = (needed: MemoryNeeded): number =>
  Object.values(needed).reduce((sum, bytes) => sum + bytes, 0);
