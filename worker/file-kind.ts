/**
 * What a file really is if its contents are not what its name promises: part of a sentence, with the remedy. Null if
 * the contents are not recognized.
 *
 * @param head the start of the file; a few hundred bytes or characters are enough
 */
export function mistakenFor(head: string | Uint8Array): string | null {
  const text = typeof head === 'string' ? head.slice(0, 600) : latin1(head.subarray(0, 600));
  if (text === '') return 'it is empty';
  if (text.startsWith('version https://git-lfs')) {
    const size = /^size (\d{1,16})$/m.exec(text)?.[1];
    const real = size === undefined ? '' : ` of ${size} bytes`;
    return `it is a Git LFS pointer, and the file itself${real} was not downloaded; run "git lfs pull" in its folder, or download the file from the Hub`;
  }
  if (/^\s*<(!doctype html|html|head|body|\?xml|!--)/i.test(text)) {
    return 'it is a web page, perhaps one that asks to sign in or to accept a licence; download the file again';
  }
  if (text.startsWith('GGUF')) return 'it is a GGUF file, which llama.cpp reads and kvtab does not';
  if (text.startsWith('PK\u0003\u0004')) {
    return 'it is a zip archive, as PyTorch writes its checkpoints; kvtab reads safetensors';
  }
  if (['\u0080\u0002', '\uFFFD\u0002'].some((start) => text.startsWith(start)))
    return 'it is a Python pickle, which kvtab does not open';
  if (['\u001f\u008b', '\u001f\uFFFD'].some((start) => text.startsWith(start)))
    return 'it is compressed with gzip; unpack it first';
  if (utf16Starts.some((start) => text.startsWith(start))) return 'it is UTF-16, not UTF-8';
  return typeof head === 'string' ? null : plainText(text);
}

/** A safetensors file begins with a length of 8 bytes, of which the last are 0. An answer of a server is text. */
function plainText(start: string): string | null {
  const line = /^\s*([\x20-\x7e]{8,})/.exec(start)?.[1];
  return line === undefined
    ? null
    : `it is a text that begins ${JSON.stringify(line.slice(0, 40))}; download the file again`;
}

/** A byte order mark, also as what is no UTF-8 is decoded, or the first bracket as two bytes. */
const utf16Starts = [
  ...['\u00ff\u00fe', '\u00fe\u00ff', '\uFFFD\uFFFD{\0', '\uFFFD\uFFFD\0{'],
  ...['\uFFFD\uFFFD[\0', '\uFFFD\uFFFD\0[', '{\0', '\0{', '[\0', '\0['],
];

/** Bytes as characters of the same numbers, so that any file can be looked at as text. */
export const latin1 = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
