/** log Σ exp, in float64. */
export function logSumExp(row: Float32Array): number {
  let max = -Infinity;
  for (const logit of row) if (logit > max) max = logit;
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - max);
  return Math.log(sum) + max;
}
