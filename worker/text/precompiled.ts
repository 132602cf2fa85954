/** SentencePiece's compiled rules: texts that are replaced by others, found in a double array. */
import type { Normalize } from './normalizer.ts';

const utf8 = new TextEncoder();
/** Longer characters are taken apart before they are looked up. */
const LONGEST_BYTES = 6;

/** @param rules base64 of: the trie's bytes as a u32, the trie, and texts that end with 0 */
export function precompiled(rules: string): Normalize {
  const all = bytesOfBase64(rules);
  const view = new DataView(all.buffer);
  if (all.length < 4) throw new Error('its precompiled_charsmap is too short');
  const trieBytes = view.getUint32(0, true);
  if (trieBytes % 4 !== 0 || 4 + trieBytes > all.length) {
    throw new Error(`its precompiled_charsmap names ${trieBytes} bytes of rules and has ${all.length - 4}`);
  }
  const trie = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = all.subarray(4 + trieBytes);
  const utf8Text = new TextDecoder('utf-8', { ignoreBOM: true });
  const replacements = new Map<string, string | null>();
  const replacementOf = (piece: string): string | null => {
    const known = replacements.get(piece);
    if (known !== undefined) return known;
    const at = lookUp(trie, utf8.encode(piece));
    const found =
      at === null ? null : utf8Text.decode(texts.subarray(at, Math.max(at, texts.indexOf(0, at))));
    replacements.set(piece, found);
    return found;
  };
  const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });
  return (text) => {
    const parts: string[] = [];
    for (const { segment } of graphemes.segment(text)) {
      const whole = utf8.encode(segment).length < LONGEST_BYTES ? replacementOf(segment) : null;
      if (whole !== null) parts.push(whole);
      else for (const character of segment) parts.push(replacementOf(character) ?? character);
    }
    return parts.join('');
  };
}

function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new Error('its precompiled_charsmap is not base64');
  }
}

/** The value of the shortest key that begins `key`; null if there is none. The layout is Darts-clone's. */
function lookUp(trie: Uint32Array, key: Uint8Array): number | null {
  const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let at = offsetOf(trie[0] ?? 0);
  for (const byte of key) {
    if (byte === 0) return null;
    at ^= byte;
    const unit = trie[at];
    if (unit === undefined || (unit & 0x800000ff) !== byte) return null;
    at ^= offsetOf(unit);
    if (((unit >>> 8) & 1) === 1) return (trie[at] ?? 0) & 0x7fffffff;
  }
  return null;
}
