import { visible } from '../hostile-fields.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** Words, digits and signs that every vocabulary for running text can write. */
const PROBE = 'Once upon a time, there were 3 kings in the wood.';

/** A sentence about a tokenizer that loses text; null if it does not. Case and white space may differ. */
export function lostText({ encode, decode }: TextTokenizer): string | null {
  const tokens = encode(PROBE, false);
  const back = decode(tokens);
  if (plain(back) === plain(PROBE)) return null;
  return `The tokenizer loses text: of "${PROBE}" it makes ${tokens.length} tokens, which read "${visible(back.slice(0, 60))}".`;
}

const plain = (text: string) => text.toLowerCase().replace(/\s+/g, '');
