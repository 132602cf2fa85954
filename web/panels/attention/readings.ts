import { EVICTED, HIDDEN } from '../../../gpu/kv/head-attention.ts';
import type { LayerAttention, TokenAttention } from '../../../worker/protocol/attention.ts';
import { formatProbability } from '../../ui/token-words.ts';
import { words } from './words.ts';

/** How several heads, or layers, become one. */
export type Way = keyof typeof words.ways;

/** One row of the matrix: a layer, or a head of one. */
export interface Row {
  readonly label: string;
  /** What stands before the row. */
  readonly mark: string;
  /** By position: probabilities, HIDDEN or EVICTED. */
  readonly reads: Float32Array;
  /** The fraction that LESS recalls of evicted rows. */
  readonly recalled: number;
}

/**
 * Several rows as one. A position that some of them see counts 0 in those that do not; one that none of them sees is
 * evicted if any would see it, or else hidden.
 */
export function together(rows: readonly Float32Array[], way: Way): Float32Array<ArrayBuffer> {
  const length = rows[0]?.length ?? 0;
  return Float32Array.from({ length }, (_, position) => {
    const values = rows.map((row) => row[position] ?? HIDDEN);
    const seen = values.filter((value) => value >= 0);
    if (seen.length === 0) return values.includes(EVICTED) ? EVICTED : HIDDEN;
    return way === 'most' ? Math.max(...seen) : seen.reduce((sum, value) => sum + value, 0) / values.length;
  });
}

/** What each head of a layer reads. */
export function headsOf({ reads, recalled }: LayerAttention): readonly Float32Array[] {
  const width = reads.length / recalled.length;
  return Array.from(recalled, (_, head) => reads.subarray(head * width, (head + 1) * width));
}

/** @param layer whose heads are the rows; null for a row per layer */
export function rowsOf({ layers }: TokenAttention, layer: number | null, way: Way): readonly Row[] {
  const one = layer === null ? undefined : layers[layer];
  if (one) {
    return headsOf(one).map((reads, head) => ({
      label: words.head(head),
      mark: String(head),
      reads,
      recalled: one.recalled[head] ?? 0,
    }));
  }
  return layers.map((each, index) => ({
    label: words.layer(index, each.owner),
    mark: String(index),
    reads: together(headsOf(each), way),
    recalled:
      way === 'most'
        ? Math.max(...each.recalled)
        : each.recalled.reduce((sum, value) => sum + value, 0) / each.recalled.length,
  }));
}

/** A row in at most so many columns, of which each shows the most that it has: probabilities before evicted before hidden. */
export function inColumns(reads: Float32Array, most: number): Float32Array {
  if (reads.length <= most) return reads;
  const columns = new Float32Array(most).fill(HIDDEN);
  for (const [position, value] of reads.entries()) {
    const column = Math.floor((position * most) / reads.length);
    const there = columns[column] ?? HIDDEN;
    if (value >= 0 ? value > there : there === HIDDEN) columns[column] = value;
  }
  return columns;
}

/** How strong a color is, from 0 to 1. The square root keeps small probabilities visible beside a first token’s. */
export const strength = (probability: number): number => Math.sqrt(Math.max(0, Math.min(1, probability)));

/** What a cell says. */
export const inWords = (read: number): string =>
  read === HIDDEN ? words.hidden : read === EVICTED ? words.evicted : percent(read);

export const percent = (probability: number): string =>
  probability === 0 ? '0 %' : formatProbability(probability);
