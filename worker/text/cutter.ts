/** The pre-tokenizers of a tokenizer.json, as the tokenizers library of Rust runs them. */
import { isObject, show } from '../hostile-fields.ts';
import { utf8AsByteLevel } from './byte-level.ts';
import { patternOf } from './pattern.ts';
import { isBehavior, matchesOf, splitBy, type Matches } from './split.ts';

/** A part of a text, whose tokens are looked up apart from those of others. */
export interface Piece {
  readonly text: string;
  /** Whether it begins where the whole text begins. */
  readonly isFirst: boolean;
}
export type Cut = (piece: Piece) => readonly Piece[];

/** `\w` as Rust has it, which counts what joins two emoji. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;
const WORDS = new RegExp(String.raw`[${WORD}]+|[^${WORD}\p{White_Space}]+`, 'gu');
const SPACE = /\p{White_Space}/gu;
/** Punctuation as tokenizers has it: that of ASCII, and Unicode's. */
const PUNCTUATION = /[!-/:-@[-\x60{-~\p{P}]/gu;
const DIGIT = /\p{N}/gu;
/** What GPT-2 cuts a text into. */
const BYTE_LEVEL =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

type Fields = Readonly<Record<string, unknown>>;

/**
 * @param said the `pre_tokenizer` of a tokenizer.json
 * @throws Error that names what is wrong
 */
export async function openCutter(said: unknown): Promise<Cut> {
  if (said === null || said === undefined) return (piece) => [piece];
  if (!isObject(said)) throw new Error(`the pre-tokenizer is ${show(said)}, not an object`);
  const { type, behavior } = said;
  switch (type) {
    case 'Sequence': {
      const { pretokenizers } = said;
      if (!Array.isArray(pretokenizers)) throw new Error('a Sequence has no array of pretokenizers');
      return inTurn(await Promise.all(pretokenizers.map(openCutter)));
    }
    case 'Digits':
      return split(all(DIGIT), said['individual_digits'] === true ? 'Isolated' : 'Contiguous', false);
    case 'Punctuation':
      return split(all(PUNCTUATION), behavior ?? 'Isolated', false);
    case 'Whitespace':
      return split(all(WORDS), 'Removed', true);
    case 'WhitespaceSplit':
      return split(all(SPACE), 'Removed', false);
    case 'BertPreTokenizer':
      return inTurn([split(all(SPACE), 'Removed', false), split(all(PUNCTUATION), 'Isolated', false)]);
    case 'FixedLength':
      return fixedLength(said);
    case 'CharDelimiterSplit':
      return split(all(await patternOf({ String: character(said, 'delimiter', null) })), 'Removed', false);
    case 'ByteLevel':
      return byteLevel(said);
    case 'Metaspace':
      return metaspace(said);
    case 'Split': {
      const { pattern, invert } = said;
      if (!isObject(pattern)) throw new Error(`a Split has the pattern ${show(pattern)}`);
      if (invert !== undefined && typeof invert !== 'boolean') {
        throw new Error(`the invert of a Split is ${show(invert)}, not true or false`);
      }
      return split(all(await patternOf(pattern)), behavior, invert === true);
    }
    default:
      throw new Error(`there is no pre-tokenizer ${show(type)}`);
  }
}

const inTurn =
  (steps: readonly Cut[]): Cut =>
  (piece) =>
    steps.reduce<readonly Piece[]>((pieces, step) => pieces.flatMap(step), [piece]);

const all = (pattern: RegExp) => (text: string) => matchesOf(pattern, text);

/** Cuts a text where something matches. */
function split(matches: (text: string) => Matches, behavior: unknown, inverted: boolean): Cut {
  if (!isBehavior(behavior)) throw new Error(`there is no behavior ${show(behavior)}`);
  return ({ text, isFirst }) =>
    splitBy(matches(text), behavior, inverted).map(([from, to]) => ({
      text: text.slice(from, to),
      isFirst: isFirst && from === 0,
    }));
}

function byteLevel(said: Fields): Cut {
  const cut = said['use_regex'] === false ? inTurn([]) : split(all(BYTE_LEVEL), 'Isolated', false);
  const isPrefixed = said['add_prefix_space'] === true;
  return ({ text, isFirst }) => {
    const whole = isPrefixed && text !== '' && !text.startsWith(' ') ? ` ${text}` : text;
    return cut({ text: whole, isFirst }).map((piece) => ({ ...piece, text: utf8AsByteLevel(piece.text) }));
  };
}

const schemes = ['always', 'first', 'never'];

async function metaspace(said: Fields): Promise<Cut> {
  const replacement = character(said, 'replacement', '▁');
  const { prepend_scheme: scheme = 'always', add_prefix_space: prefixed } = said;
  if (typeof scheme !== 'string' || !schemes.includes(scheme)) {
    throw new Error(`the prepend_scheme of a Metaspace is ${show(scheme)}, not ${schemes.join(', ')}`);
  }
  // An old file says only whether there is a prefix.
  const prepends = prefixed === false ? 'never' : scheme;
  const cut =
    said['split'] === false
      ? inTurn([])
      : split(all(await patternOf({ String: replacement })), 'MergedWithNext', false);
  return ({ text, isFirst }) => {
    const replaced = text.replaceAll(' ', () => replacement);
    const isPrefixed =
      text !== '' &&
      !replaced.startsWith(replacement) &&
      (prepends === 'always' || (prepends === 'first' && isFirst));
    return cut({ text: isPrefixed ? replacement + replaced : replaced, isFirst });
  };
}

function fixedLength({ length = 5 }: Fields): Cut {
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 1 || length > 1000) {
    throw new Error(`FixedLength has a length of ${show(length)}, not 1 to 1000`);
  }
  return split(all(new RegExp(String.raw`[\s\S]{1,${length}}`, 'gu')), 'Isolated', false);
}

/** A field that holds one character. */
function character(said: Fields, name: string, fallback: string | null): string {
  const value = said[name] ?? fallback;
  if (typeof value === 'string' && Array.from(value).length === 1) return value;
  throw new Error(`the ${name} of a ${show(said['type'])} is ${show(value)}, not one character`);
}
