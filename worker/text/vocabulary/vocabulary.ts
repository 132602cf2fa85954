/** The tokens of a tokenizer, and how pieces of text become ids. */
export interface Vocabulary {
  /** Ids by the tokens' own texts. Several tokens may have one id. */
  readonly ids: ReadonlyMap<string, number>;
  /** How many tokens the file lists: added tokens get the ids from there on. */
  readonly size: number;
  /** The ids of a piece of text that a pre-tokenizer cut. */
  readonly idsOf: (piece: string) => readonly number[];
  /** What the file says that cannot be, as a sentence; null if there is nothing. */
  readonly notice: string | null;
}

/** A vocabulary without a token for a piece, and without one for what is unknown. */
export const lacks = (piece: string) =>
  new Error(`tokenizer.json has no token for ${piece}, and none for what is unknown (unk_token)`);

/** The ids of a text's bytes, from tokens such as `<0x0A>`; null if the vocabulary lacks one of them. */
export function byteTokens(ids: ReadonlyMap<string, number>): (text: string) => readonly number[] | null {
  const utf8 = new TextEncoder();
  const byteIds = Array.from({ length: 256 }, (_, byte) =>
    ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
  return (text) => {
    const found = Array.from(utf8.encode(text), (byte) => byteIds[byte]);
    return found.every((id) => id !== undefined) ? found : null;
  };
}
