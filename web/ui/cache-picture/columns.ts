import type { HeldHead } from './held-cache.ts';

/** Narrower cells would be no targets, and no picture. */
export const NARROWEST_PX = 4;
const WIDEST_PX = 12;

/** How the tokens of a text share the width of a picture. */
export interface Columns {
  readonly count: number;
  /** Tokens that merge into one column. */
  readonly tokensEach: number;
  readonly widthPx: number;
}

export function columnsFor(textTokens: number, widthPx: number): Columns {
  const most = Math.max(1, Math.floor(widthPx / NARROWEST_PX));
  const tokensEach = Math.max(1, Math.ceil(textTokens / most));
  const count = Math.ceil(textTokens / tokensEach);
  return { count, tokensEach, widthPx: Math.min(WIDEST_PX, widthPx / Math.max(1, count)) };
}

/** What the columns of one row of the picture show. */
export interface Filled {
  /** The part of the column's rows that is held, from 0 to 1. */
  readonly held: Float32Array;
  /** The highest score in the column; all 0 if nothing scores. */
  readonly score: Float32Array;
}

export function fillColumns(
  heads: readonly HeldHead[],
  { count, tokensEach }: Columns,
  textTokens: number,
): Filled {
  const held = new Float32Array(count);
  const score = new Float32Array(count);
  for (const { ranges, scores } of heads) {
    let row = 0;
    for (const { from, to } of ranges) {
      for (let position = from; position < to;) {
        const column = Math.floor(position / tokensEach);
        const end = Math.min(to, (column + 1) * tokensEach);
        held[column] = (held[column] ?? 0) + end - position;
        if (scores) {
          for (let i = row; i < row + end - position; i++) {
            score[column] = Math.max(score[column] ?? 0, scores[i] ?? 0);
          }
        }
        row += end - position;
        position = end;
      }
    }
  }
  for (let column = 0; column < count; column++) {
    const tokens = Math.min(tokensEach, textTokens - column * tokensEach);
    held[column] = (held[column] ?? 0) / (tokens * Math.max(1, heads.length));
  }
  return { held, score };
}

/** How dark a cell is: scores are few and large, so their roots are shown. Without scores all are alike. */
export const darknessOf = (score: number, highest: number): number =>
  highest > 0 ? 0.3 + 0.7 * Math.sqrt(Math.max(0, score) / highest) : 0.85;
