import { show } from '../../hostile-fields.ts';
import { Heap } from './heap.ts';
import { byteTokens, type Vocabulary } from './vocabulary.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Pieces that were looked up before, and the longest that is kept. */
const MOST_KEPT = 20_000;
const LONGEST_KEPT = 64;
/** Above any position in a text. Ranks of merges times this are whole numbers still. */
const POSITIONS = 2 ** 31;

/** Byte-pair encoding: pairs of neighbors become one token, those first that stand first among the merges. */
export function bytePairs(model: Fields, ids: ReadonlyMap<string, number>): Vocabulary {
  const text = (name: string) => (typeof model[name] === 'string' ? model[name] : '');
  const [prefix, suffix, unknownToken] = [
    text('continuing_subword_prefix'),
    text('end_of_word_suffix'),
    text('unk_token'),
  ];
  const fuses = model['fuse_unk'] === true;
  const takesWhole = model['ignore_merges'] === true;
  const bytesOf = model['byte_fallback'] === true ? byteTokens(ids) : () => null;
  const { merges, notice } = readMerges(model['merges'], ids, prefix.length);

  /** The tokens of the single characters. */
  const start = (piece: string): number[] => {
    const characters = Array.from(piece);
    const tokens: number[] = [];
    let unknown: number | null = null;
    for (const [i, character] of characters.entries()) {
      const named = (i > 0 ? prefix : '') + character + (i === characters.length - 1 ? suffix : '');
      const id = ids.get(named);
      if (id !== undefined) {
        if (unknown !== null) tokens.push(unknown);
        unknown = null;
        tokens.push(id);
        continue;
      }
      const bytes = bytesOf(named);
      if (bytes) {
        // As in Rust, what was unknown before comes after them.
        tokens.push(...bytes);
      } else if (unknownToken !== '') {
        if (unknown !== null && !fuses) tokens.push(unknown);
        const found: number | undefined = ids.get(unknownToken);
        if (found === undefined) throw new Error(`its unk_token, ${show(unknownToken)}, is not a token`);
        unknown = found;
      }
    }
    if (unknown !== null) tokens.push(unknown);
    return tokens;
  };

  const kept = new Map<string, readonly number[]>();
  const idsOf = (piece: string): readonly number[] => {
    const whole = takesWhole ? ids.get(piece) : undefined;
    if (whole !== undefined) return [whole];
    const known = kept.get(piece);
    if (known) return known;
    const made = merged(start(piece), merges);
    if (piece.length <= LONGEST_KEPT) {
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(piece, made);
    }
    return made;
  };
  return { ids, size: ids.size, idsOf, notice };
}

interface Merge {
  readonly rank: number;
  readonly id: number;
}
/** By the ids of the two tokens. */
type Merges = ReadonlyMap<number, ReadonlyMap<number, Merge>>;

function readMerges(said: unknown, ids: ReadonlyMap<string, number>, prefixLength: number) {
  const list: readonly unknown[] = Array.isArray(said) ? said : [];
  const merges = new Map<number, Map<number, Merge>>();
  let [lost, example] = [0, ''];
  for (const [rank, merge] of list.entries()) {
    const pair = pairOf(merge);
    // The first line of a merges.txt.
    if (typeof merge === 'string' && merge.startsWith('#version')) continue;
    if (!pair) throw new Error(`tokenizer.json: merge ${rank} is ${show(merge)}, not two tokens`);
    const [left, right] = pair;
    const [a, b, id] = [ids.get(left), ids.get(right), ids.get(left + right.slice(prefixLength))];
    if (a === undefined || b === undefined || id === undefined) {
      if (lost++ === 0) example = `${show(left)} and ${show(right)}`;
      continue;
    }
    const row = merges.get(a) ?? new Map<number, Merge>();
    merges.set(a, row);
    row.set(b, { rank, id });
  }
  const notice =
    lost === 0
      ? null
      : `tokenizer.json has ${lost} ${lost === 1 ? 'merge' : 'merges'} whose tokens are not in its vocabulary, such as that of ${example}. They are left out; transformers refuses the file.`;
  return { merges, notice };
}

function pairOf(merge: unknown): readonly [string, string] | null {
  const parts: readonly unknown[] =
    typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
  const [left, right] = parts;
  return parts.length === 2 && typeof left === 'string' && typeof right === 'string' ? [left, right] : null;
}

/** Merges neighbors, in the order of the merges and then from the left, as long as any can. */
function merged(tokens: number[], merges: Merges): readonly number[] {
  if (tokens.length < 2) return tokens;
  const count = tokens.length;
  const next = Int32Array.from(tokens, (_, i) => (i + 1 < count ? i + 1 : -1));
  const before = Int32Array.from(tokens, (_, i) => i - 1);
  const isGone = new Uint8Array(count);
  const heap = new Heap();
  const mergeAt = (at: number): Merge | undefined => {
    const right = next[at] ?? -1;
    return right < 0 ? undefined : merges.get(tokens[at] ?? -1)?.get(tokens[right] ?? -1);
  };
  const offer = (at: number) => {
    const merge = mergeAt(at);
    if (merge) heap.push(merge.rank * POSITIONS + at);
  };
  for (let at = 0; at < count; at++) offer(at);
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const at = top % POSITIONS;
    const merge = isGone[at] === 1 ? undefined : mergeAt(at);
    if (merge?.rank !== Math.floor(top / POSITIONS)) continue;
    const right = next[at] ?? -1;
    const after = next[right] ?? -1;
    tokens[at] = merge.id;
    isGone[right] = 1;
    next[at] = after;
    if (after >= 0) before[after] = at;
    const left = before[at] ?? -1;
    if (left >= 0) offer(left);
    offer(at);
  }
  return tokens.filter((_, i) => isGone[i] === 0);
}
