/** Rows in a panel of a matrix in the memory of WebAssembly, where vectors and rows of numbers are padded alike. */
export const PANEL_ROWS = 32;

/** Numbers with the padding after them, to a multiple of a panel's rows. */
export const padded = (numbers: number) => Math.ceil(numbers / PANEL_ROWS) * PANEL_ROWS;
