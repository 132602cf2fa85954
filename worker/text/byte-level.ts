/** GPT-2's alphabet: each byte is written as a character that can be seen. */

const isSeen = (byte: number) =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

/** The character of each byte; those that cannot be seen follow from U+0100 on. */
const characters: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isSeen(byte) ? byte : next++));
})();

const bytes: ReadonlyMap<string, number> = new Map(characters.map((character, byte) => [character, byte]));

const utf8 = new TextEncoder();

/** A text's bytes in that alphabet. */
export const utf8AsByteLevel = (text: string): string =>
  Array.from(utf8.encode(text), (byte) => characters[byte] ?? '').join('');

/** The bytes of a token; its own UTF-8 if it has a character outside the alphabet. */
export function bytesOf(token: string): readonly number[] | Uint8Array {
  const found: number[] = [];
  for (const character of token) {
    const byte = bytes.get(character);
    if (byte === undefined) return utf8.encode(token);
    found.push(byte);
  }
  return found;
}
