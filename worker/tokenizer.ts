/** Text ⇄ tokens. The only file that knows the tokenizer library. */
import { Tokenizer } from '@huggingface/tokenizers';
import { isObject } from './hostile-fields.ts';
import { Refused } from './outcome.ts';
import type { ModelSource } from './loader/model-source.ts';

export interface TextTokenizer {
  /** The tokens of a text, with the special tokens that the tokenizer itself adds. */
  readonly encode: (text: string) => readonly number[];
  /** The text of tokens; special and unknown ones have none. Half characters become U+FFFD. */
  readonly decode: (tokens: readonly number[]) => string;
  /** True for tokens without text: special ones, and ids that the tokenizer does not know. */
  readonly isSilent: (token: number) => boolean;
}

/**
 * Reads a model's tokenizer.json and, where it has one, tokenizer_config.json.
 *
 * @returns null for a model without tokenizer.json
 * @throws Refused with `bad-tokenizer` for files that the library cannot use, or the source's own failures
 */
export async function loadTokenizer(source: ModelSource): Promise<TextTokenizer | null> {
  const text = await source.text('tokenizer.json');
  if (text === null) return null;
  const config = await source.text('tokenizer_config.json');
  const library = openLibrary(
    parseObject(text, 'tokenizer.json'),
    config === null ? {} : parseObject(config, 'tokenizer_config.json'),
  );

  const special = new Set<number>();
  for (const [id, token] of library.get_added_tokens_decoder()) if (token.special) special.add(id);
  const isSilent = (token: number) => special.has(token) || library.id_to_token(token) === undefined;

  return {
    encode: (prompt) => library.encode(prompt).ids,
    decode: (tokens) => {
      const audible = tokens.filter((token) => !isSilent(token));
      // Cleaning up would take back spaces that are already on the page, and transformers 5 gave it up.
      return audible.length === 0 ? '' : library.decode(audible, { clean_up_tokenization_spaces: false });
    },
    isSilent,
  };
}

function openLibrary(tokenizer: object, config: object): Tokenizer {
  try {
    return new Tokenizer(tokenizer, config);
  } catch (error) {
    throw badTokenizer(error instanceof Error ? error.message : String(error));
  }
}

function parseObject(text: string, file: string): object {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badTokenizer(`${file} is not JSON`);
  }
  if (!isObject(json)) throw badTokenizer(`${file} is not a JSON object`);
  return json;
}

const badTokenizer = (reason: string) => new Refused({ code: 'bad-tokenizer', reason });
