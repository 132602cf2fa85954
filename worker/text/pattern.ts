/** The only file that knows the tokenizer library. */
import { ReplaceNormalizer } from '@huggingface/tokenizers';
import { isObject, show } from '../hostile-fields.ts';

/**
 * The regular expression, global and Unicode, that a `pattern` of a tokenizer.json stands for. Those in files are written
 * for Oniguruma; the library translates them, and its class for replacements is the way to that.
 *
 * @throws Error that names what is wrong
 */
export function patternOf(pattern: unknown): RegExp {
  const { Regex: regex, String: text } = isObject(pattern) ? pattern : {};
  const asked =
    typeof regex === 'string'
      ? { Regex: regex.replace(/^\(\?i\)(.*)$/s, '(?i:$1)') }
      : typeof text === 'string'
        ? { String: text }
        : null;
  const found = asked && new ReplaceNormalizer({ type: 'Replace', pattern: asked, content: '' }).pattern;
  if (!found) throw new Error(`${show(pattern)} is no pattern`);
  return found;
}
