import { visible } from '../hostile-fields.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** Characters of a prompt that are compared. */
const MOST_CHARACTERS = 10_000;
/** Where a text was cut, its last tokens may differ from those of the whole. */
const CUT_CHARACTERS = 64;
const REPLACEMENT = '\uFFFD';

type Tokenizer = Pick<TextTokenizer, 'encode' | 'decode' | 'isSilent' | 'nameOf'>;

/**
 * A sentence about the first place where the tokens of a text do not read as the text; null if they all do. White space
 * at its ends, and beside special tokens, may differ.
 */
export function changedText(tokenizer: Tokenizer, text: string): string | null {
  const compared = text.slice(0, MOST_CHARACTERS);
  const pieces = readBack(tokenizer, compared);
  const end = text.length > compared.length ? compared.length - CUT_CHARACTERS : compared.trimEnd().length;
  let at = 0;
  for (const piece of pieces) {
    at += spacesAt(compared, at);
    const trimmed = piece.trimStart();
    const same = commonLength(compared, at, trimmed);
    at += same;
    // What follows white space at the end of a piece is the next piece's.
    const left = trimmed.slice(same);
    if (left.trim() !== '') return at < end ? sentence(compared, at, left) : null;
  }
  return at < end && compared.slice(at, end).trim() !== '' ? sentence(compared, at, '') : null;
}

/** The text of the tokens, in pieces: special tokens apart from what is between them. */
function readBack({ encode, decode, isSilent, nameOf }: Tokenizer, text: string): readonly string[] {
  const pieces: string[] = [];
  let audible: number[] = [];
  for (const token of encode(text, false)) {
    if (!isSilent(token)) {
      audible.push(token);
      continue;
    }
    if (audible.length > 0) pieces.push(decode(audible));
    audible = [];
    const name = nameOf(token);
    // A special token that the text itself names is read as that; any other stands for something unknown.
    pieces.push(name !== null && text.includes(name) ? name : REPLACEMENT);
  }
  if (audible.length > 0) pieces.push(decode(audible));
  return pieces;
}

const spacesAt = (text: string, at: number) => /\s*/y.exec(text.slice(at, at + 1000))?.[0].length ?? 0;

function commonLength(text: string, at: number, piece: string): number {
  let length = 0;
  while (length < piece.length && text[at + length] === piece[length]) length++;
  return length;
}

function sentence(text: string, at: number, left: string): string {
  const was = firstCharacter(text.slice(at));
  const is = firstCharacter(left);
  const became = is === '' || is === REPLACEMENT ? 'is lost' : `became ${quoted(is)}`;
  return `The tokenizer changes this prompt: at character ${at + 1}, ${quoted(was)} ${became}.`;
}

const firstCharacter = (text: string) => (text === '' ? '' : String.fromCodePoint(text.codePointAt(0) ?? 0));
const quoted = (character: string) => visible(JSON.stringify(character));
