import { isObject } from '../hostile-fields.ts';

const names = [
  ...['bos_token', 'eos_token', 'unk_token', 'sep_token'],
  ...['pad_token', 'cls_token', 'mask_token'],
];

/** The special tokens that a tokenizer_config.json names: as text, or as an object that holds it. */
export function specialTokens(config: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const found = names.flatMap((name) => {
    const said = config[name];
    const text = isObject(said) ? said['content'] : said;
    return typeof text === 'string' ? [[name, text] as const] : [];
  });
  return Object.fromEntries(found);
}

/**
 * The template in `chat_template`, which holds one, or several by name, as a list or an object; then the one for plain
 * chats.
 */
export function findTemplate(said: unknown): string | null {
  if (typeof said === 'string') return said;
  if (isObject(said))
    return findTemplate(Object.entries(said).map(([name, template]) => ({ name, template })));
  if (!Array.isArray(said)) return null;
  const named = said.filter(isObject).filter(({ template }) => typeof template === 'string');
  const chosen = named.find(({ name }) => name === 'default') ?? named[0];
  const template = chosen?.['template'];
  return typeof template === 'string' ? template : null;
}
