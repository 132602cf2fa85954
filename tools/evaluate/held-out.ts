import { gunzipSync } from 'node:zlib';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TextTokenizer } from '../../worker/text/tokenizer.ts';

/** Held-out text, cut into what the model scores. */
export interface HeldOut {
  /** Each is the begin token, followed by the tokens that count. */
  readonly windows: readonly (readonly number[])[];
  /** Tokens that count, over all windows. */
  readonly tokens: number;
  /** Bytes of the text that these tokens encode. */
  readonly bytes: number;
}

/** The text of the held-out books of a corpus. */
export const readHeldOut = async (corpus: string) =>
  gunzipSync(await readFile(join(corpus, 'valid.txt.gz'))).toString('utf8');

/**
 * Windows spread evenly over a text. tools/train/shipped.py takes the same ones.
 *
 * @param windows how many, at least two
 * @param length  tokens of each, after the begin token
 * @throws RangeError if the text is shorter than a window
 */
export function takeWindows(
  text: string,
  tokenizer: TextTokenizer,
  windows: number,
  length: number,
): HeldOut {
  const [begin, ...tokens] = tokenizer.encode(text, true);
  if (begin === undefined || tokens.length < length) {
    throw new RangeError(`the text has ${tokens.length} tokens, fewer than a window's ${length}`);
  }
  const parts = Array.from({ length: windows }, (_, i) => {
    const start = Math.floor((i * (tokens.length - length)) / (windows - 1));
    return tokens.slice(start, start + length);
  });
  return {
    windows: parts.map((part) => [begin, ...part]),
    tokens: windows * length,
    bytes: parts.reduce((sum, part) => sum + Buffer.byteLength(tokenizer.decode(part)), 0),
  };
}
