/** Whether every number is finite: neither NaN nor infinite. */
export const allFinite = (values: Float32Array): boolean => values.every((value) => Number.isFinite(value));

/**
 * Where a computation left the finite numbers.
 *
 * @param states the hidden state after the embedding, and then after each layer
 */
export function firstNotFinite(states: readonly Float32Array[]): number | 'embedding' | 'head' {
  const index = states.findIndex((state) => !allFinite(state));
  if (index < 0) return 'head';
  return index === 0 ? 'embedding' : index - 1;
}
