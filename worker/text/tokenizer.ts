/** Text ⇄ tokens. The only file that knows the tokenizer library. */
import { Tokenizer } from '@huggingface/tokenizers';
import { brief, isObject, show } from '../hostile-fields.ts';
import { BadJson, parseHostileJson } from '../hostile-json.ts';
import { Refused } from '../outcome.ts';
import { withAllSplits } from './splits.ts';

export interface TextTokenizer {
  /** The tokens of a text; with `special`, also those that the tokenizer adds around it. */
  readonly encode: (text: string, special: boolean) => readonly number[];
  /** The text of tokens; special and unknown ones have none. Half characters become U+FFFD. */
  readonly decode: (tokens: readonly number[]) => string;
  /** True for tokens without text: special ones, and ids that the tokenizer does not know. */
  readonly isSilent: (token: number) => boolean;
  /** The id of a token by its own text, as files name it. */
  readonly idOf: (token: string) => number | null;
  /** The token's own text, as files name it. */
  readonly nameOf: (token: number) => string | null;
}

/**
 * Opens a tokenizer.
 *
 * @param tokenizerJson tokenizer.json, as text
 * @param config        tokenizer_config.json, parsed
 * @throws Refused with `bad-tokenizer` for files that the library cannot use
 */
export function openTokenizer(tokenizerJson: string, config: object): TextTokenizer {
  const json = parseObject(tokenizerJson, 'tokenizer.json');
  refuseUnknownModel(json);
  refuseLongTexts(json);
  const library = openLibrary({ ...json, pre_tokenizer: withAllSplits(json['pre_tokenizer']) }, config);

  const special = new Set<number>();
  for (const [id, token] of library.get_added_tokens_decoder()) if (token.special) special.add(id);
  const isSilent = (token: number) => special.has(token) || library.id_to_token(token) === undefined;

  return {
    encode: (text, withSpecial) => library.encode(text, { add_special_tokens: withSpecial }).ids,
    decode: (tokens) => {
      const audible = tokens.filter((token) => !isSilent(token));
      // Cleaning up would remove spaces that are already on the page. transformers 5 dropped it, too.
      return audible.length === 0 ? '' : library.decode(audible, { clean_up_tokenization_spaces: false });
    },
    isSilent,
    idOf: (token) => library.token_to_id(token) ?? null,
    nameOf: (token) => library.id_to_token(token) ?? null,
  };
}

/** Enough for Gemma's 262,144 tokens and 580,000 merges, the most of any model today. */
const limits = { length: 64 * 2 ** 20, values: 1_500_000, names: 600_000, nonFinite: true, isFile: true };

/** The object that a JSON file holds; throws Refused with `bad-tokenizer` for anything else. */
export function parseObject(text: string, file: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = parseHostileJson(text, limits);
  } catch (error) {
    throw error instanceof BadJson ? badTokenizer(`${file}: ${error.message}`) : error;
  }
  if (!isObject(json)) throw badTokenizer(`${file} is not a JSON object`);
  return json;
}

/** The kinds of vocabulary that the tokenizers library knows. Old files do not name theirs. */
const modelTypes: readonly unknown[] = [undefined, 'BPE', 'Unigram', 'WordPiece', 'WordLevel'];

/** Refuses an unknown kind, which the library would read as whatever kind its fields resemble. */
function refuseUnknownModel({ model }: Readonly<Record<string, unknown>>): void {
  const type = isObject(model) ? model['type'] : undefined;
  if (!modelTypes.includes(type)) throw badTokenizer(`there is no kind of vocabulary ${show(type)}`);
}

/** Characters of one token, or of one text that a step inserts or looks for. Real ones have a few hundred. */
const LONGEST_TEXT = 10_000;
/** The compiled rules of a normalizer, as base64. Real ones have some 400,000 characters. */
const LONGEST_RULES = 4_000_000;

/** The parts of a tokenizer.json that hold its steps. */
const steps = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'];

/**
 * Refuses texts that cost the library more than they can be worth: it builds a tree of every token's characters, and
 * some steps insert their text into every input.
 */
function refuseLongTexts(json: Readonly<Record<string, unknown>>): void {
  const { added_tokens: added, model } = json;
  for (const token of Array.isArray(added) ? added.filter(isObject) : []) {
    refuseLong('a token', token['content'], LONGEST_TEXT);
  }
  for (const token of tokensOf(isObject(model) ? model['vocab'] : null)) {
    refuseLong('a token', token, LONGEST_TEXT);
  }
  for (const step of steps) refuseLongIn(step, json[step]);
}

/** The tokens of a vocabulary: the names of an object, or the first entries of pairs. */
function tokensOf(vocab: unknown): readonly unknown[] {
  if (isObject(vocab)) return Object.keys(vocab);
  return Array.isArray(vocab)
    ? vocab.map((pair: unknown) => (Array.isArray(pair) ? (pair[0] as unknown) : pair))
    : [];
}

/** {@link refuseLong} for every text in a step. JSON that was parsed is not deep. */
function refuseLongIn(step: string, value: unknown, longest = LONGEST_TEXT): void {
  refuseLong(`its ${step}`, value, longest);
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    refuseLong(`its ${step}`, name, LONGEST_TEXT);
    refuseLongIn(step, inner, name === 'precompiled_charsmap' ? LONGEST_RULES : LONGEST_TEXT);
  }
}

function refuseLong(what: string, text: unknown, longest: number): void {
  if (typeof text !== 'string' || text.length <= longest) return;
  throw badTokenizer(`tokenizer.json: ${what} has a text of ${text.length} characters, more than ${longest}`);
}

export const badTokenizer = (reason: string) => new Refused({ code: 'bad-tokenizer', reason: brief(reason) });

function openLibrary(tokenizer: object, config: object): Tokenizer {
  try {
    return new Tokenizer(tokenizer, config);
  } catch (error) {
    throw badTokenizer(error instanceof Error ? error.message : String(error));
  }
}
