import { isObject } from '../hostile-fields.ts';

/** Of each kind. Real files have a few, or up to a thousand that are reserved. */
const MOST_TOKENS = 100_000;

/** Characters. Real ones have a few dozen. */
const LONGEST_TOKEN = 10_000;

const names = [
  ...['bos_token', 'eos_token', 'unk_token', 'sep_token'],
  ...['pad_token', 'cls_token', 'mask_token'],
];

type Fields = Readonly<Record<string, unknown>>;

/**
 * The special tokens that a tokenizer_config.json names: as text, or as an object that holds it. Models with images and
 * others name more than the usual ones.
 */
export function specialTokens(config: Fields): Readonly<Record<string, string>> {
  const extra = config['extra_special_tokens'];
  const others = Object.keys(config).filter((name) => /^[a-z_]+_token$/.test(name) && !names.includes(name));
  const found = [
    ...[...names, ...others].map((name) => [name, config[name]] as const),
    ...(isObject(extra) ? Object.entries(extra) : []),
  ].flatMap(([name, said]) => {
    const text = isObject(said) ? said['content'] : said;
    return typeof text === 'string' ? [[name, text] as const] : [];
  });
  return Object.fromEntries(found.slice(0, MOST_TOKENS));
}

/** Those, and the tokens that it lists by id, as the `added_tokens` of a tokenizer.json: transformers adds them to it. */
export function tokensOfConfig(config: Fields): readonly unknown[] {
  const listed = config['added_tokens_decoder'];
  const byId = Object.entries(isObject(listed) ? listed : {}).flatMap(([id, token]) =>
    isObject(token) && /^\d{1,10}$/.test(id) ? [{ ...token, id: Number(id) }] : [],
  );
  const named = Object.values(specialTokens(config)).map((content) => ({ content, special: true }));
  const all: readonly Fields[] = [...byId.sort((a, b) => a.id - b.id).slice(0, MOST_TOKENS), ...named];
  return all.filter(({ content }) => typeof content === 'string' && content.length <= LONGEST_TOKEN);
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
