import { latin1, mistakenFor } from './file-kind.ts';
import { Refused } from './outcome.ts';

/**
 * The text of a file's bytes.
 *
 * JSON must be UTF-8: otherwise names and tokens would be read with U+FFFD for what was written, and nobody would know.
 *
 * @throws Refused with `unreadable-file` for JSON in another encoding
 */
export async function fileText(file: string, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const text = new TextDecoder('utf-8', { fatal: file.endsWith('.json') });
  const parts: string[] = [];
  let head: Uint8Array | null = null;
  try {
    for await (const bytes of chunks) {
      head ??= bytes.slice(0, 600);
      parts.push(text.decode(bytes, { stream: true }));
    }
    return parts.join('') + text.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Refused({ code: 'unreadable-file', file, reason: notUtf8(head) });
  }
}

/** What bytes are that should be text in UTF-8, with the remedy: part of a sentence. */
export function notUtf8(head: Uint8Array | null): string {
  return (
    mistakenFor(latin1((head ?? new Uint8Array()).subarray(0, 600))) ??
    'it is not text in UTF-8; save it in that encoding'
  );
}
