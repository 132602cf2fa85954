import { isObject, show } from '../hostile-fields.ts';

/** Punctuation as tokenizers has it: that of ASCII, and Unicode's. */
const PUNCTUATION = String.raw`[!-\/:-@\[-\x60{-~\p{P}]`;

/** `\w` as Rust has it, which counts what joins two emoji. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;

const ANYTHING = String.raw`[\s\S]`;

/** What GPT-2 cuts a text into. */
const BYTE_LEVEL = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * A pre-tokenizer that cuts as in the tokenizers library of Rust. The library here knows two of the five behaviors of a
 * `Split`, splits by a text wrongly, keeps a `Metaspace` whole, and knows the digits, letters and white space of ASCII or
 * of JavaScript. Each becomes a `Split` that both read alike: one whose pattern matches the pieces themselves.
 */
export function withAllSplits(pretokenizer: unknown): unknown {
  if (pretokenizer === null || pretokenizer === undefined) return null;
  if (!isObject(pretokenizer)) throw new Error(`the pre-tokenizer is ${show(pretokenizer)}, not an object`);
  const { type, pretokenizers, individual_digits: individual, behavior, pattern, invert } = pretokenizer;
  switch (type) {
    case 'Sequence':
      return Array.isArray(pretokenizers)
        ? { ...pretokenizer, pretokenizers: pretokenizers.map(withAllSplits) }
        : pretokenizer;
    case 'Digits':
      return piecesOf(individual === true ? String.raw`\p{N}` : String.raw`\p{N}+`, 'Isolated', false);
    case 'Punctuation':
      return piecesOf(PUNCTUATION, behavior ?? 'Isolated', false);
    case 'Whitespace':
      return splitInto(String.raw`[${WORD}]+|[^${WORD}\s]+`);
    case 'WhitespaceSplit':
      return splitInto(String.raw`\S+`);
    case 'BertPreTokenizer':
      return splitInto(String.raw`${PUNCTUATION}|(?:(?!${PUNCTUATION})\S)+`);
    case 'FixedLength':
      return fixedLength(pretokenizer);
    case 'CharDelimiterSplit': {
      const { delimiter } = pretokenizer;
      return typeof delimiter === 'string' ? piecesOf(escaped(delimiter), 'Removed', false) : pretokenizer;
    }
    case 'ByteLevel':
      return byteLevel(pretokenizer);
    case 'Metaspace':
      return metaspace(pretokenizer);
    case 'Split': {
      const cut = regexOf(pattern);
      if (cut === null) throw new Error(`a Split has the pattern ${show(pattern)}`);
      return piecesOf(cut, behavior, invert === true);
    }
    default:
      return pretokenizer;
  }
}

function regexOf(pattern: unknown): string | null {
  if (!isObject(pattern)) return null;
  const { Regex: regex, String: text } = pattern;
  if (typeof regex === 'string') return regex;
  return typeof text === 'string' ? escaped(text) : null;
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);

type Fields = Readonly<Record<string, unknown>>;

function byteLevel(pretokenizer: Fields): unknown {
  if (pretokenizer['use_regex'] === false) return pretokenizer;
  // The space before a text comes before the cuts.
  const space = { type: 'Replace', pattern: { Regex: String.raw`\A([^ ])` }, content: ' $1' };
  return {
    type: 'Sequence',
    pretokenizers: [
      ...(pretokenizer['add_prefix_space'] === true ? [space] : []),
      splitInto(BYTE_LEVEL),
      { ...pretokenizer, add_prefix_space: false, use_regex: false },
    ],
  };
}

function metaspace(pretokenizer: Fields): unknown {
  const { replacement = '▁', prepend_scheme: scheme, add_prefix_space: prefixed, split } = pretokenizer;
  if (typeof replacement !== 'string') return pretokenizer;
  // An old file says only whether there is a prefix.
  const prepend_scheme = prefixed === false ? 'never' : (scheme ?? 'always');
  const replaced = { type: 'Metaspace', replacement, prepend_scheme };
  if (split === false) return replaced;
  const pretokenizers = [replaced, piecesOf(escaped(replacement), 'MergedWithNext', false)];
  return { type: 'Sequence', pretokenizers };
}

function fixedLength(pretokenizer: Fields): unknown {
  const { length = 5 } = pretokenizer;
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 1 || length > 1000) {
    throw new Error(`FixedLength has a length of ${show(length)}, not 1 to 1000`);
  }
  return splitInto(`${ANYTHING}{1,${length}}`);
}

/** A pattern whose groups capture nothing: JavaScript's split would return what they captured. */
const withoutCaptures = (regex: string): string =>
  regex.replaceAll(/(\\.|\[(?:\\.|[^\]\\])*\])|\((?!\?)/gs, (_, kept?: string) => kept ?? '(?:');

/** A `Split` whose pattern matches the pieces: the library returns what an inverted pattern matches. */
const splitInto = (pieces: string) => ({
  ...{ type: 'Split', pattern: { Regex: pieces }, behavior: 'Removed', invert: true },
});

/** A `Split` into pieces that a behavior makes of the text. Inverted, what matches and what does not change places. */
function piecesOf(cut: string, behavior: unknown, inverted: boolean): object {
  const match = `(?:${cut})`;
  const other = `(?:(?!${cut})${ANYTHING})`;
  const withPrevious = `${other}*${match}|${other}+`;
  const withNext = `${match}${other}*|${other}+`;
  switch (behavior) {
    case 'Removed':
      if (inverted) return splitInto(match);
      return { type: 'Split', pattern: { Regex: withoutCaptures(cut) }, behavior, invert: false };
    case 'MergedWithPrevious':
      return splitInto(inverted ? withNext : withPrevious);
    case 'MergedWithNext':
      return splitInto(inverted ? withPrevious : withNext);
    case 'Contiguous':
      return splitInto(`${match}+|${other}+`);
    default:
      return splitInto(`${match}|${other}+`);
  }
}
