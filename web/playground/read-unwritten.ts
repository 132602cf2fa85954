/**
 * The part of an address from `#` on that a page kept just before its reload; null if it belongs to another address, or
 * is none.
 *
 * @param kept   JSON, of whoever wrote it
 * @param opened the part from `#` on of the address that was opened
 * @throws SyntaxError
 */
export function readUnwritten(kept: string, opened: string): string | null {
  const { opened: before, edited } = Object(JSON.parse(kept)) as Record<string, unknown>;
  if (before !== opened || typeof edited !== 'string') return null;
  return edited === '' || edited.startsWith('#') ? edited : null;
}
