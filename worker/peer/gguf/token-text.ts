/**
 * Tokens as characters, one each, all of four bytes in UTF-8. The file's own vocabulary would cut a text in its own way, so
 * it gets this one: then a text is nothing but token ids, going in and coming out.
 */
const FIRST = 0x20000;
const LAST = 0x10ffff;

export const MOST_TOKENS = LAST - FIRST + 1;

export const vocabulary = (size: number): readonly string[] =>
  Array.from({ length: size }, (_, token) => String.fromCodePoint(FIRST + token));

export const textOfTokens = (tokens: readonly number[]): string =>
  tokens.map((token) => String.fromCodePoint(FIRST + token)).join('');

/** @throws Error if it has a character that is no token */
export const tokensOfText = (text: string): readonly number[] =>
  Array.from(text, (character) => {
    const token = (character.codePointAt(0) ?? 0) - FIRST;
    if (token < 0) throw new Error(`the engine wrote “${character}”, which is no token`);
    return token;
  });
