/** Whether every number is finite: neither NaN nor infinite. */
export function allFinite(values: Float32Array): boolean {
  // 0 times a number is 0 unless the number is not finite. Every token asks, of as many numbers as the vocabulary has.
  let sum = 0 * (values[0] ?? 0);
  for (let i = 1; i < values.length; i++) sum += 0 * (values[i] as number);
  return sum === 0;
}

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
