/** Text ⇄ tokens, as the tokenizers library of Rust has them. */
import { brief, isObject } from '../hostile-fields.ts';
import { BadJson, parseHostileJson } from '../hostile-json.ts';
import { Refused } from '../outcome.ts';
import { addedTokens, movedTokens, partsFinder } from './added-tokens.ts';
import { openCutter } from './cutter.ts';
import { openDecoder } from './decoder.ts';
import { openNormalizer } from './normalizer.ts';
import { openPostProcessor } from './post-processor.ts';
import { openVocabulary } from './vocabulary/open-vocabulary.ts';

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
  /** What contradicts itself in its file, as sentences. */
  readonly notices: readonly string[];
}

/**
 * Opens a tokenizer.
 *
 * @param tokenizerJson tokenizer.json, as text
 * @param ofConfig      tokens that tokenizer_config.json adds to it
 * @throws Refused with `bad-tokenizer` for files that cannot be used
 */
export async function openTokenizer(
  tokenizerJson: string,
  ofConfig: readonly unknown[] = [],
): Promise<TextTokenizer> {
  const json = parseObject(tokenizerJson, 'tokenizer.json');
  refuseLongTexts(json);
  try {
    return await open(json, ofConfig);
  } catch (error) {
    throw badTokenizer(error instanceof Error ? error.message : String(error));
  }
}

type Json = Readonly<Record<string, unknown>>;

async function open(json: Json, ofConfig: readonly unknown[]): Promise<TextTokenizer> {
  const vocabulary = openVocabulary(json['model']);
  const ids = new Map(vocabulary.ids);
  const added = addedTokens(json['added_tokens'], vocabulary, ofConfig);
  const names = new Map([...ids].map(([token, id]) => [id, token]));
  const special = new Set<number>();
  for (const token of added) {
    ids.set(token.content, token.id);
    if (token.special) special.add(token.id);
  }
  const isSilent = (token: number) => special.has(token) || !names.has(token);
  const normalize = await openNormalizer(json['normalizer']);
  // A token that is looked for in normalized text reads as that.
  const patterns = added.map((token) => {
    const { normalized, content } = token;
    return [normalized ? normalize(content) : content, token] as const;
  });
  for (const [pattern, { id }] of patterns) names.set(id, pattern);
  const parts = partsFinder(patterns.filter(([, { normalized }]) => !normalized));
  const normalizedParts = partsFinder(patterns.filter(([, { normalized }]) => normalized));
  const addAround = openPostProcessor(json['post_processor'], (token) => ids.get(token));
  const decode = await openDecoder(json['decoder']);
  const cut = await openCutter(json['pre_tokenizer']);

  return {
    encode: (text, withSpecial) => {
      const tokens = parts(text).flatMap((part) => {
        if ('token' in part) return [part.token.id];
        return normalizedParts(normalize(part.text)).flatMap((inner) => {
          if ('token' in inner) return [inner.token.id];
          const isFirst = part.at === 0 && inner.at === 0;
          return cut({ text: inner.text, isFirst }).flatMap((piece) => vocabulary.idsOf(piece.text));
        });
      });
      return addAround(tokens, withSpecial);
    },
    // Nothing is cleaned up: that would remove spaces which are already on the page. transformers 5 dropped it, too.
    decode: (tokens) =>
      decode(tokens.filter((token) => !isSilent(token)).map((token) => names.get(token) ?? '')),
    isSilent,
    idOf: (token) => ids.get(token) ?? null,
    nameOf: (token) => names.get(token) ?? null,
    notices: [vocabulary.notice, movedTokens(added)].filter((notice) => notice !== null),
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
