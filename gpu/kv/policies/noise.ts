/**
 * The Gumbel noise of Keyformer, the same on every device: a table, because WGSL promises a logarithm near 1 only
 * within 2⁻²¹, which would move the largest and thus deciding values. `webgpu/kernels/noise.wgsl` is its mirror.
 */

const TABLE_SIZE = 4096;

/** `−ln(−ln((j + 0.5) / 4096))`, computed in float64 and rounded to float32. */
export const gumbelTable: Float32Array<ArrayBuffer> = Float32Array.from(
  { length: TABLE_SIZE },
  (_, j) => -Math.log(-Math.log((j + 0.5) / TABLE_SIZE)),
);

/** PCG-RXS-M-XS of 32 bits (O'Neill, 2014), as a hash. */
export function pcg(v: number): number {
  const s = (Math.imul(v, 747796405) + 2891336453) >>> 0;
  const w = Math.imul((s >>> ((s >>> 28) + 4)) ^ s, 277803737) >>> 0;
  return ((w >>> 22) ^ w) >>> 0;
}

/** What the noise of a query's keys is drawn from. */
export function noiseOfQuery(seed: number, reader: number, queryHead: number, queryPosition: number): number {
  let x = pcg(seed);
  x = pcg(reader ^ x);
  x = pcg(queryHead ^ x);
  return pcg(queryPosition ^ x);
}

/** The place in {@link gumbelTable} of a key's noise. */
export const noiseIndex = (ofQuery: number, keyPosition: number): number => pcg(keyPosition ^ ofQuery) >>> 20;

/** The noise of a key under a query. */
export const noiseAt = (ofQuery: number, keyPosition: number): number =>
  gumbelTable[noiseIndex(ofQuery, keyPosition)] ?? 0;
