import { stepStride } from './kernel.ts';

/** Which rows of a table a dispatch works on; see `kernels/step.wgsl`. */
export interface Step {
  readonly rows: number;
  /** In the row table, and in buffers that hold a whole turn. */
  readonly firstRow: number;
  /** Positions that a windowed layer sees. */
  readonly windowTokens: number;
}

/** Rows of a step that belong to one text and follow each other in it. */
export interface Segment {
  /** In the step. */
  readonly first: number;
  readonly rows: number;
}

/** A step whose rows may be of several texts. */
export interface SegmentedStep extends Step {
  /** At most {@link MOST_SEGMENTS}. */
  readonly segments: readonly Segment[];
}

const headerWords = 4;

/** The most segments of a step: as many as fit into its part of the step buffer. */
export const MOST_SEGMENTS = stepStride / 4 - headerWords;

const mostRows = 0xffff; // in a segment

/** Steps as they lie in a step buffer, `stepStride` bytes apart. All rows of a plain step are one segment. */
export function packSteps(steps: readonly (Step | SegmentedStep)[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array((steps.length * stepStride) / 4);
  steps.forEach((step, i) => {
    const { rows, firstRow, windowTokens } = step;
    const segments = 'segments' in step ? step.segments : [{ first: 0, rows: Math.min(rows, mostRows) }];
    const at = (i * stepStride) / 4;
    words.set([rows, firstRow, Math.min(windowTokens, 0x7fffffff), segments.length], at);
    words.set(
      segments.map((segment) => segment.first | (segment.rows << 16)),
      at + headerWords,
    );
  });
  return words;
}
