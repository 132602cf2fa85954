import { stepStride } from './kernel.ts';

/** Which rows of a table a dispatch works on; see `kernels/step.wgsl`. */
export interface Step {
  readonly rows: number;
  /** In the row table, and in buffers that hold a whole turn. */
  readonly firstRow: number;
  /** Positions that a windowed layer sees. */
  readonly windowTokens: number;
}

/** Steps as they lie in a step buffer, `stepStride` bytes apart. */
export function packSteps(steps: readonly Step[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array((steps.length * stepStride) / 4);
  steps.forEach(({ rows, firstRow, windowTokens }, i) => {
    words.set([rows, firstRow, Math.min(windowTokens, 0x7fffffff)], (i * stepStride) / 4);
  });
  return words;
}
