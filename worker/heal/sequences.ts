import { seedKey, threefry2x32 } from '../../gpu/cpu/random.ts';
import type { Recipe } from '../../gpu/train/recipe.ts';

/**
 * The sequences of a step: windows of a text, at places that depend on the seed, the step and the number in the step
 * alone. Each has one more token than is read, which is only predicted.
 */
export function sequencesOf(
  tokens: Uint32Array,
  { seed, sequencesPerStep, tokensPerSequence }: Recipe,
  step: number,
): readonly Uint32Array[] {
  const places = tokens.length - tokensPerSequence;
  return Array.from({ length: sequencesPerStep }, (_, i) => {
    const [bits] = threefry2x32(seedKey(seed), [step, i]);
    const start = Math.floor((bits / 2 ** 32) * places);
    return tokens.subarray(start, start + tokensPerSequence + 1);
  });
}

/** Windows spread evenly over a text; fewer if it has not so many different ones. */
export function spreadWindows(
  tokens: Uint32Array,
  windows: number,
  tokensPerWindow: number,
): readonly Uint32Array[] {
  const places = tokens.length - tokensPerWindow;
  const count = Math.max(1, Math.min(windows, places + 1));
  return Array.from({ length: count }, (_, i) => {
    const start = count === 1 ? 0 : Math.floor((i * places) / (count - 1));
    return tokens.subarray(start, start + tokensPerWindow);
  });
}
