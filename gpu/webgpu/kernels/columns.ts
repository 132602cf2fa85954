import type { Kernel } from '../kernel.ts';

/** How many rows of x a matrix kernel multiplies at once: its columns. Every number that it unpacks serves all of them. */
export const columnCounts = [1, 2, 4, 8] as const;
export type Columns = (typeof columnCounts)[number];

/** The fewest columns that take so many rows at once, or the most that the adapter takes. */
export const columnsFor = (rows: number, most: Columns): Columns =>
  columnCounts.find((columns) => columns >= Math.min(rows, most)) ?? most;

/**
 * The WGSL of a kernel for so many columns. In the file, every line that names something of column 0, `…_c0`, stands
 * for all columns. The text is repeated because WGSL cannot number variables by a constant, and because arrays that are
 * indexed by a loop compile slowly on D3D12 and stay in memory on a software adapter.
 */
export function forColumns(wgsl: string, columns: Columns): string {
  const each = [...Array(columns).keys()];
  return [
    `override COLUMNS: u32 = ${columns}u;`,
    ...each.map((column) => `const column_c${column} = ${column}u;`),
    ...wgsl
      .split('\n')
      .flatMap((line) =>
        /_c0\b/.test(line) ? each.map((c) => line.replaceAll(/_c0\b/g, `_c${c}`)) : [line],
      ),
  ].join('\n');
}

/** A kernel's label tells its columns, because shaders are kept by label. */
export const labelFor = (label: string, columns: Columns) =>
  columns === 1 ? label : `${label}, ${columns} columns`;

/** Defines a kernel for every number of columns. */
export function forEachColumns<Binding extends string, Params>(
  define: (columns: Columns) => Kernel<Binding, Params>,
): (columns: Columns) => Kernel<Binding, Params> {
  const kernels = { 1: define(1), 2: define(2), 4: define(4), 8: define(8) };
  return (columns) => kernels[columns];
}
