import { formatBytes } from '../../ui/format.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';
import { columnOf, type Columns } from './columns.ts';
import { heldAt, rowsIn, rowsOf, type HeldCache } from './held-cache.ts';
import { layerStretches } from './layer-stretches.ts';
import type { PlannedStore } from './planned-cache.ts';
import { seenIn } from './seen-keys.ts';
import { words } from './words.ts';

/** What a cell of the picture is about. */
export interface PointedCell {
  readonly layer: number;
  readonly position: number;
}

interface Shown {
  readonly cache: HeldCache;
  readonly sharing: Sharing;
  readonly columns: Columns;
  /** A token in letters; null if it is not known. */
  readonly tokenAt: (position: number) => string | null;
}

/** Longer texts of merged cells are cut off. */
const MOST_LETTERS = 60;

/** A cell in words: its tokens, whether a layer holds them, their score, who reads them, and what they see. */
export function cellInWords({ layer, position }: PointedCell, shown: Shown): string {
  const { cache, sharing, columns, tokenAt } = shown;
  const from = columns.first + columnOf(columns, position) * columns.tokensEach;
  const to = Math.min(from + columns.tokensEach, cache.textTokens);
  if (to <= from) return `${words.reading.token(position, null)}, ${words.reading.later}`;
  const last = to - 1;
  const name =
    columns.tokensEach === 1
      ? words.reading.token(position, tokenAt(position))
      : words.reading.tokens(from, last, lettersOf(from, to, tokenAt));
  const store = cache.stores.find(({ owner }) => owner === layer);
  const read = sharing.layers[layer]?.readsFrom ?? layer;
  const seen = seenIn(sharing, store ? layer : read, last);
  return [
    name,
    ...(store ? storeInWords() : [words.reading.none(layer, read)]),
    words.reading.sees(seen.from, seen.to),
  ].join(', ');

  function storeInWords(): readonly string[] {
    if (!store) return [];
    const { heads, readers } = store;
    const readBy = words.reading.readBy(layerStretches(readers));
    if (columns.tokensEach === 1) {
      const { heads: holding, score } = heldAt(heads, position);
      return [
        holding === 0 ? words.reading.gone(layer) : words.reading.held(layer, holding, heads.length),
        ...(score === null ? [] : [words.reading.score(score.toPrecision(3))]),
        readBy,
      ];
    }
    const positions = Array.from({ length: to - from }, (_, i) => from + i);
    const scores = positions.map((each) => heldAt(heads, each).score ?? 0);
    const highest = Math.max(...scores);
    return [
      words.reading.rowsHeld(layer, Math.max(...heads.map((head) => rowsIn(head, from, to))), to - from),
      ...(highest > 0 ? [words.reading.highestScore(highest.toPrecision(3))] : []),
      readBy,
    ];
  }
}

function lettersOf(from: number, to: number, tokenAt: Shown['tokenAt']): string {
  let text = '';
  for (let position = from; position < to && text.length < MOST_LETTERS; position++) {
    text += tokenAt(position) ?? '';
  }
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text;
}

/** What a layer's cache holds, and for whom; empty if it holds nothing. */
export function layerInWords(layer: number, cache: HeldCache | null, bytes: number | null): string {
  const store = cache?.stores.find(({ owner }) => owner === layer);
  if (!store || bytes === null) return '';
  const rows = store.heads[0] ? rowsOf(store.heads[0]) : 0;
  return words.reading.keeps(layer, rows, formatBytes(bytes), layerStretches(store.readers));
}

/** What a layer's cache would hold, and for whom. */
export const plannedInWords = (
  { owner, rows, bytes }: Pick<PlannedStore, 'owner' | 'rows'> & { readonly bytes: number | null },
  readers: readonly number[],
): string =>
  words.reading.wouldKeep(owner, rows, bytes === null ? '' : formatBytes(bytes), layerStretches(readers));
