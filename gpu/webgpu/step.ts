import { stepStride } from './kernel.ts';

/** Where in the text a dispatch works; see `kernels/step.wgsl`. Positions are absolute. */
export interface Step {
  readonly position: number;
  readonly rows: number;
  readonly firstRow: number;
  readonly windowTokens: number;
  readonly ringRows: number;
  readonly scratchBase: number;
}

/** Steps as they lie in a step buffer, `stepStride` apart. */
export function packSteps(steps: readonly Step[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array((steps.length * stepStride) / 4);
  steps.forEach((step, i) => {
    const { position, rows, firstRow, windowTokens, ringRows, scratchBase } = step;
    const window = Math.min(windowTokens, 0x7fffffff);
    words.set([position, rows, firstRow, window, ringRows, scratchBase], (i * stepStride) / 4);
  });
  return words;
}
