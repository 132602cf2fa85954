import type { KernelTime } from '../../../gpu/plan/kernel-time.ts';
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

const ROW = 22;

/** The bars as an SVG file. Kernel names are our own, so they need no escaping. */
export function kernelsAsSvg(bars: readonly KernelBar[]): string {
  const rows = bars.map(({ kernel, gpuUs, fraction }, i) => {
    const y = ROW * i + 15;
    return [
      `<text x="8" y="${y}">${kernel}</text>`,
      `<rect x="140" y="${y - 11}" width="${(300 * fraction).toFixed(1)}" height="14" fill="#14665a"/>`,
      `<text x="452" y="${y}">${words.barLabel(Math.round(gpuUs), (100 * fraction).toFixed(1))}</text>`,
    ].join('');
  });
  const height = ROW * bars.length + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="580" height="${height}" font-family="sans-serif" font-size="13"><rect width="580" height="${height}" fill="#ffffff"/>${rows.join('')}</svg>\n`;
}
