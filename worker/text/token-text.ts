import type { TextTokenizer } from './tokenizer.ts';

/**
 * What one token adds to a text that ends with `before`. Decoding the token alone would not do, because decoders drop
 * the leading space of a text's first token. A part of a character is U+FFFD. Empty for special tokens.
 */
export function tokenText(
  tokenizer: Pick<TextTokenizer, 'decode'>,
  before: number | undefined,
  token: number,
): string {
  const head = before === undefined ? '' : tokenizer.decode([before]);
  const both = before === undefined ? tokenizer.decode([token]) : tokenizer.decode([before, token]);
  return both.startsWith(head) ? both.slice(head.length) : tokenizer.decode([token]);
}
