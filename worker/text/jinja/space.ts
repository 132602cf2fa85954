/** Python's white space: JavaScript's without the byte order mark, plus four separators and NEL. */
export const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const space = new RegExp(`[${SPACE}]`);

/** Where the text begins after the white space at its beginning. */
export function startOf(text: string): number {
  let at = 0;
  while (at < text.length && space.test(text.charAt(at))) at++;
  return at;
}

/** Where the text ends before the white space at its end. */
export function endOf(text: string): number {
  let at = text.length;
  while (at > 0 && space.test(text.charAt(at - 1))) at--;
  return at;
}

/** The index of the last white space; -1 if there is none. */
export function lastSpace(text: string): number {
  let at = text.length - 1;
  while (at >= 0 && !space.test(text.charAt(at))) at--;
  return at;
}
