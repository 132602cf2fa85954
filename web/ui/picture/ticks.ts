/**
 * Round numbers from 0 to at least `most`, about `wanted` of them.
 *
 * @param binary steps are powers of two, as for bytes; otherwise 1, 2 or 5 times a power of ten
 */
export function ticksTo(most: number, wanted: number, binary = false): readonly number[] {
  if (!(most > 0) || !Number.isFinite(most)) return [0, 1];
  const step = roundStep(most / wanted, binary);
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}

/** Round whole numbers inside a range. */
export function ticksBetween(least: number, most: number, wanted: number): readonly number[] {
  if (!(most > least)) return [least];
  const step = Math.max(1, roundStep((most - least) / wanted, false));
  const first = Math.ceil(least / step - 1e-9);
  const count = Math.floor(most / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

function roundStep(rough: number, binary: boolean): number {
  if (binary) return 2 ** Math.ceil(Math.log2(rough));
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10);
}
