/** Text ⇄ tokens. The only file that knows the tokenizer library. */
import { Tokenizer } from '@huggingface/tokenizers';
import { isObject } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';

export interface TextTokenizer {
  /** The tokens of a text; with `special`, also those that the tokenizer itself puts around it. */
  readonly encode: (text: string, special: boolean) => readonly number[];
  /** The text of tokens; special and unknown ones have none. Half characters become U+FFFD. */
  readonly decode: (tokens: readonly number[]) => string;
  /** True for tokens without text: special ones, and ids that the tokenizer does not know. */
  readonly isSilent: (token: number) => boolean;
  /** The id of a token by its own text, as files name it. */
  readonly idOf: (token: string) => number | null;
}

/**
 * Opens a tokenizer.
 *
 * @param tokenizerJson tokenizer.json, as text
 * @param config        tokenizer_config.json, parsed
 * @throws Refused with `bad-tokenizer` for files that the library cannot use
 */
export function openTokenizer(tokenizerJson: string, config: object): TextTokenizer {
  const library = openLibrary(parseObject(tokenizerJson, 'tokenizer.json'), config);

  const special = new Set<number>();
  for (const [id, token] of library.get_added_tokens_decoder()) if (token.special) special.add(id);
  const isSilent = (token: number) => special.has(token) || library.id_to_token(token) === undefined;

  return {
    encode: (text, withSpecial) => library.encode(text, { add_special_tokens: withSpecial }).ids,
    decode: (tokens) => {
      const audible = tokens.filter((token) => !isSilent(token));
      // Cleaning up would take back spaces that are already on the page, and transformers 5 gave it up.
      return audible.length === 0 ? '' : library.decode(audible, { clean_up_tokenization_spaces: false });
    },
    isSilent,
    idOf: (token) => library.token_to_id(token) ?? null,
  };
}

/** The object that a JSON file holds; throws Refused with `bad-tokenizer` for anything else. */
export function parseObject(text: string, file: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badTokenizer(`${file} is not JSON`);
  }
  if (!isObject(json)) throw badTokenizer(`${file} is not a JSON object`);
  return json;
}

export const badTokenizer = (reason: string) => new Refused({ code: 'bad-tokenizer', reason });

function openLibrary(tokenizer: object, config: object): Tokenizer {
  try {
    return new Tokenizer(tokenizer, config);
  } catch (error) {
    throw badTokenizer(error instanceof Error ? error.message : String(error));
  }
}
