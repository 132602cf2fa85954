/** The only file that knows the tokenizer library, which most of the shipped models do without. */
import { ReplaceNormalizer } from '@huggingface/tokenizers';

/**
 * The regular expression, global and Unicode, that one for Oniguruma stands for: those in a tokenizer.json are written for
 * it. The library translates them, and its class for replacements is the way to that.
 *
 * @throws Error that names what is wrong
 */
export function fromOniguruma(regex: string): RegExp {
  const pattern = { Regex: regex.replace(/^\(\?i\)(.*)$/s, '(?i:$1)') };
  const found = new ReplaceNormalizer({ type: 'Replace', pattern, content: '' }).pattern;
  if (!found) throw new Error(`${regex} is no pattern`);
  return found;
}
