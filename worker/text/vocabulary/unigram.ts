import { byteTokens, lacks, type Vocabulary } from './vocabulary.ts';
import { show } from '../../hostile-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

/** How much less likely an unknown character is than the least likely token. */
const UNKNOWN_PENALTY = 10;

/** SentencePiece's Unigram: of all ways to cut a text into tokens, the likeliest. */
export function unigram(
  { unk_id: unknown, byte_fallback: falls }: Fields,
  pieces: readonly (readonly [token: string, score: number])[],
): Vocabulary {
  const ids = new Map(pieces.map(([token], id) => [token, id]));
  const scores = pieces.map(([, score]) => score);
  const unknownId = typeof unknown === 'number' ? unknown : null;
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
  const lengths = [...new Set(pieces.map(([token]) => token.length))].filter((length) => length > 0);
  lengths.sort((a, b) => a - b);
  const bytesOf = falls === true ? byteTokens(ids) : () => null;

  /** The likeliest cuts: where each piece begins, and which are unknown, from the last to the first. */
  const cuts = (text: string): readonly (readonly [from: number, to: number, isUnknown: boolean])[] => {
    const size = text.length;
    const best = new Float64Array(size + 1);
    const begins = new Int32Array(size + 1).fill(-1);
    const isUnknown = new Uint8Array(size + 1);
    const offer = (from: number, to: number, score: number, unknownHere: boolean) => {
      const total = score + (best[from] ?? 0);
      if ((begins[to] ?? -1) >= 0 && total <= (best[to] ?? 0)) return;
      best[to] = total;
      begins[to] = from;
      isUnknown[to] = unknownHere ? 1 : 0;
    };
    for (let from = 0; from < size;) {
      const width = (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1;
      let isSingle = false;
      for (const length of lengths) {
        if (from + length > size) break;
        const id = ids.get(text.slice(from, from + length));
        if (id === undefined) continue;
        offer(from, from + length, scores[id] ?? 0, id === unknownId);
        if (length === width) isSingle = true;
      }
      if (!isSingle) {
        if (unknownId === null) throw lacks(show(text.slice(from, from + width)));
        offer(from, from + width, unknownScore, true);
      }
      from += width;
    }
    const found: (readonly [number, number, boolean])[] = [];
    for (let to = size; to > 0;) {
      const from = begins[to] ?? 0;
      found.push([from, to, isUnknown[to] === 1]);
      to = from;
    }
    return found;
  };

  const idsOf = (piece: string): readonly number[] => {
    const parts: { text: string; isUnknown: boolean }[] = [];
    for (const [from, to, isUnknown] of [...cuts(piece)].reverse()) {
      const text = piece.slice(from, to);
      const last = parts.at(-1);
      // Neighbors that are unknown are one token.
      if (isUnknown && last?.isUnknown === true) last.text += text;
      else parts.push({ text, isUnknown });
    }
    return parts.flatMap(({ text }) => {
      const id = ids.get(text);
      if (id !== undefined) return [id];
      const bytes = bytesOf(text);
      if (bytes) return bytes;
      if (unknownId === null) throw lacks(show(text));
      return [unknownId];
    });
  };
  return { ids, size: pieces.length, idsOf, notice: null };
}
