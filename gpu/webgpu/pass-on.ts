import type { Continuation, DecodeEnd } from '../backend.ts';
import type { PlacedText } from './batch-text.ts';
import { NOT_FINITE } from './kernels/sample.ts';

/** A text that goes on. */
export interface Line extends Omit<Continuation, 'text'> {
  readonly text: PlacedText;
  /** Tokens that it may still have. */
  left: number;
}

/**
 * Passes on the tokens of a text that have arrived.
 *
 * @returns how it ended, or null if it has not
 */
async function passOn(line: Line): Promise<DecodeEnd | null> {
  const { text, endTokens, onToken } = line;
  while (line.left > 0) {
    const token = text.takeToken();
    if (token === undefined) return null;
    if (token === NOT_FINITE) throw await text.notFinite();
    line.left--;
    onToken(token);
    if (endTokens.has(token)) return 'end-of-text';
  }
  return 'length';
}

/** Text by text, so that a failure of one is searched for, and the search has ended, before anybody hears of it. */
export async function passOnAll(lines: readonly Line[]): Promise<readonly (DecodeEnd | null)[]> {
  const ends: (DecodeEnd | null)[] = [];
  for (const line of lines) ends.push(await passOn(line));
  return ends;
}
