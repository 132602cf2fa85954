import { ropeFrequencies, type RopeSpec } from '../../gpu/plan/rope.ts';

/** Above this, a product of a turned query and a turned key overflows 32 bits: 1e16² × 10^6. */
const MAX_ATTENTION_FACTOR = 1e16;

/** Which field of a rotation can only give NaN or infinity; null if its table is finite at every position. */
export function nonFiniteRope(
  rope: RopeSpec,
  headDim: number,
  contextTokens: number,
): { readonly field: string; readonly reason: string } | null {
  if (rope.type === 'yarn' && !(Math.fround(rope.attentionFactor) > 0)) {
    return { field: 'attention_factor', reason: `${rope.attentionFactor} is 0 in 32 bits` };
  }
  if (rope.type === 'yarn' && !(rope.attentionFactor <= MAX_ATTENTION_FACTOR)) {
    return { field: 'attention_factor', reason: `${rope.attentionFactor} is above ${MAX_ATTENTION_FACTOR}` };
  }
  const frequencies = ropeFrequencies(rope, headDim);
  if (frequencies.every((frequency) => Number.isFinite(frequency * contextTokens))) return null;
  const theta = ropeFrequencies({ type: 'default', theta: rope.theta }, headDim);
  const isTheta = !theta.every((frequency) => Number.isFinite(frequency * contextTokens));
  if (isTheta) return { field: 'rope_theta', reason: 'the angles of its frequencies are not finite' };
  return { field: 'factor', reason: 'the angles of the frequencies that it stretches are not finite' };
}
