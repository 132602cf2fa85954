import { isObject } from '../hostile-fields.ts';

/** Punctuation as tokenizers has it: that of ASCII, and Unicode's. */
const PUNCTUATION = String.raw`[!-\/:-@\[-\x60{-~\p{P}]`;

const ANYTHING = String.raw`[\s\S]`;

/**
 * A pre-tokenizer in which `Split`, `Punctuation` and `Digits` cut as in the tokenizers library of Rust. The library here
 * knows two of the five behaviors, splits by a text wrongly, and only digits from 0 to 9. Each becomes a `Split` that
 * both read alike: one whose pattern matches the pieces themselves.
 */
export function withAllSplits(pretokenizer: unknown): unknown {
  if (!isObject(pretokenizer)) return pretokenizer;
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
    case 'Split': {
      const cut = regexOf(pattern);
      return cut === null ? pretokenizer : piecesOf(cut, behavior, invert === true);
    }
    default:
      return pretokenizer;
  }
}

function regexOf(pattern: unknown): string | null {
  if (!isObject(pattern)) return null;
  const { Regex: regex, String: text } = pattern;
  if (typeof regex === 'string') return regex;
  return typeof text === 'string' ? text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`) : null;
}

/** A pattern whose groups capture nothing: JavaScript's split would return what they captured. */
const withoutCaptures = (regex: string): string =>
  regex.replaceAll(/(\\.|\[(?:\\.|[^\]\\])*\])|\((?!\?)/gs, (_, kept?: string) => kept ?? '(?:');

/** A `Split` into pieces that a behavior makes of the text. Inverted, what matches and what does not change places. */
function piecesOf(cut: string, behavior: unknown, inverted: boolean): object {
  const match = `(?:${cut})`;
  const other = `(?:(?!${cut})${ANYTHING})`;
  const splitInto = (pieces: string) =>
    // The library returns what an inverted pattern matches.
    ({ type: 'Split', pattern: { Regex: pieces }, behavior: 'Removed', invert: true });
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
