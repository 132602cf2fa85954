import type { KernelTime } from '../../../gpu/plan/kernel-time.ts';
import { formatPercent } from '../../ui/format.ts';
import { barFigure } from '../../ui/picture/bar-figure.ts';
import type { Figure } from '../../ui/picture/frame.ts';
import { words } from './words.ts';

export interface KernelBar extends KernelTime {
  /** Of the time of all kernels. */
  readonly fraction: number;
}

/** Kernels from the slowest to the fastest. All fractions are 0 if the clock measured no time at all. */
export function kernelBars(kernels: readonly KernelTime[]): readonly KernelBar[] {
  const allUs = kernels.reduce((sum, { gpuUs }) => sum + gpuUs, 0);
  return kernels
    .map((time) => ({ ...time, fraction: allUs > 0 ? time.gpuUs / allUs : 0 }))
    .sort((a, b) => b.gpuUs - a.gpuUs);
}

/** The bars as a picture. */
export const kernelFigure = (bars: readonly KernelBar[]): Figure =>
  barFigure(
    words.kernels,
    [
      {
        axis: words.columns.perToken,
        format: (us) => us.toLocaleString('en'),
        binary: false,
        bars: bars.map(({ kernel, gpuUs, fraction }) => ({
          ...{ label: kernel, value: gpuUs, range: null },
          text: words.barLabel(Math.round(gpuUs).toLocaleString('en'), formatPercent(fraction)),
        })),
      },
    ],
    [],
  );
