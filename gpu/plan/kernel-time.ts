/** GPU time that one kernel took, over `dispatches`. */
export interface KernelTime {
  readonly kernel: string;
  readonly dispatches: number;
  readonly gpuUs: number;
}

/** Of several measurements of the same work, kernel by kernel the median. */
export const medianTimes = (steps: readonly (readonly KernelTime[])[]): readonly KernelTime[] =>
  (steps[0] ?? []).map((time, i) => {
    const sorted = steps.map((step) => step[i]?.gpuUs ?? 0).sort((a, b) => a - b);
    return { ...time, gpuUs: sorted[Math.floor(sorted.length / 2)] ?? 0 };
  });
