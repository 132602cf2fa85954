import { describe, expect, it } from 'vitest';
import { medianTimes, type KernelTime } from '../../../gpu/plan/kernel-time.ts';

const step = (matmulUs: number, normUs: number): readonly KernelTime[] => [
  { kernel: 'matmul', dispatches: 7, gpuUs: matmulUs },
  { kernel: 'rms-norm', dispatches: 3, gpuUs: normUs },
];

describe('medianTimes', () => {
  it('takes the median of each kernel separately, and sorts as numbers', () => {
    expect(medianTimes([step(100, 3), step(9, 1), step(20, 20)])).toEqual(step(20, 3));
  });

  it('takes the upper of the two middle times if their number is even', () => {
    expect(medianTimes([step(4, 8), step(1, 5), step(2, 6), step(3, 7)])).toEqual(step(3, 7));
  });

  it('counts a kernel that a later step did not run as 0', () => {
    expect(medianTimes([step(4, 8), step(5, 0).slice(0, 1), step(6, 0).slice(0, 1)])).toEqual(step(5, 0));
  });

  it('has no times without a step', () => {
    expect(medianTimes([])).toEqual([]);
  });
});
