import type { GuardedText } from '../text/guarded-text.ts';
import { spreadWindows } from './sequences.ts';

/** Held-out windows, each with the bytes of the text that it predicts. */
export interface HeldOut {
  readonly windows: readonly Uint32Array[];
  /** Bytes of all that the windows predict: everything but their first tokens. */
  readonly bytes: number;
}

export async function takeHeldOut(
  text: GuardedText,
  tokens: Uint32Array,
  windows: number,
  tokensPerWindow: number,
): Promise<HeldOut> {
  const taken = spreadWindows(tokens, windows, tokensPerWindow);
  let bytes = 0;
  for (const window of taken) {
    const predicted = await text.decode([...window.subarray(1)]);
    bytes += new TextEncoder().encode(predicted).length;
  }
  return { windows: taken, bytes };
}
