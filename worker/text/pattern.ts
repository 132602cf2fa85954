import { isObject, show } from '../hostile-fields.ts';

/** Fetched only for tokenizers that have regular expressions: see `namesPatterns` of text-api.ts. */
export const codeForPatterns = () => import('./oniguruma.ts');

/**
 * The regular expression, global and Unicode, that a `pattern` of a tokenizer.json stands for: `{ Regex }` or `{ String }`.
 *
 * @throws Error that names what is wrong
 */
export async function patternOf(pattern: unknown): Promise<RegExp> {
  const { Regex: regex, String: text } = isObject(pattern) ? pattern : {};
  if (typeof regex === 'string') return (await codeForPatterns()).fromOniguruma(regex);
  if (typeof text === 'string')
    return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`), 'gu');
  throw new Error(`${show(pattern)} is no pattern`);
}
