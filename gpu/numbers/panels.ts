import type { ElementType } from './element-type.ts';
import { rowLayout, type QuantizedFormat } from './quantize.ts';

/** Rows in a panel of a matrix in the memory of WebAssembly, where vectors and rows of numbers are padded alike. */
export const PANEL_ROWS = 32;

/** Numbers with the padding after them, to a multiple of a panel's rows. */
export const padded = (numbers: number) => Math.ceil(numbers / PANEL_ROWS) * PANEL_ROWS;

/** How a matrix lies in panels. */
export type PanelFormat = Exclude<ElementType, 'bf16'> | QuantizedFormat;

/** Bytes of a matrix in panels. A group of packed columns has a half for each row and no padding after these. */
export function matrixBytes(rows: number, cols: number, format: PanelFormat): number {
  if (format === 'f32' || format === 'f16') return padded(rows) * cols * (format === 'f16' ? 2 : 4);
  const { groups, groupBytes } = rowLayout(format, cols);
  return padded(rows) * groups * (2 + groupBytes);
}
