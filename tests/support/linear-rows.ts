import { padded } from '../../gpu/numbers/panels.ts';
import type { Address } from '../../gpu/wasm/kernels.ts';
import type { LinearMemory } from '../../gpu/wasm/linear-memory.ts';
import { rowsOf } from './kernels.ts';

/** Rows and columns of matrices in panels: panels and groups that are full, cut short, and less than a load. */
export const matrixShapes = [
  [1, 8],
  [7, 3],
  [33, 37],
  [131, 192],
  [64, 520],
] as const;

/** Puts rows into the memory of WebAssembly, each padded with zeros. */
export function putRows(memory: LinearMemory, values: Float32Array, cols = values.length): Address {
  const rows = rowsOf(values, cols);
  const address = memory.allocate('test', 4 * padded(cols) * rows.length);
  rows.forEach((row, i) => memory.floats(address + 4 * padded(cols) * i, cols).set(row));
  return address;
}
