import { notUtf8 } from '../file-text.ts';
import { badRequest } from '../outcome.ts';

/**
 * The whole text of a file that somebody measures or trains on. A byte order mark stays, as in Python.
 *
 * @throws Refused with `bad-request` in the name of the file, if it is not UTF-8: its letters would be others
 */
export function textOfOwnFile(file: string, bytes: Uint8Array): string {
  // UTF-16 without a mark has a zero beside every Latin letter, and no text has one.
  if (bytes.subarray(0, 600).includes(0)) throw badRequest(file, notUtf8(bytes));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw badRequest(file, notUtf8(bytes));
  }
}
