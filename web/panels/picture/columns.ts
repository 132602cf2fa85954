import type { HeldHead, Positions } from './held-cache.ts';

/** Narrower cells would be no targets, and no picture. */
export const NARROWEST_PX = 4;
const WIDEST_PX = 14;

/** How the tokens in view share the width of the picture. */
export interface Columns {
  /** The first position in view. */
  readonly first: number;
  readonly count: number;
  /** Tokens that merge into one column. */
  readonly tokensEach: number;
  readonly widthPx: number;
}

export function columnsFor({ from, to }: Positions, widthPx: number): Columns {
  const tokens = to - from;
  const most = Math.max(1, Math.floor(widthPx / NARROWEST_PX));
  const tokensEach = Math.max(1, Math.ceil(tokens / most));
  const count = Math.ceil(tokens / tokensEach);
  return { first: from, count, tokensEach, widthPx: Math.min(WIDEST_PX, widthPx / Math.max(1, count)) };
}

/** The column of a position; it may be out of view. */
export const columnOf = ({ first, tokensEach }: Columns, position: number) =>
  Math.floor((position - first) / tokensEach);

/** What the columns of one row of the picture show. */
export interface Filled {
  /** Held rows of the column, as a fraction of its tokens. */
  readonly held: Float32Array;
  /** The highest score in the column; all 0 if nothing scores. */
  readonly score: Float32Array;
}

export function fillColumns(heads: readonly HeldHead[], columns: Columns, textTokens: number): Filled {
  const { first, count, tokensEach } = columns;
  const held = new Float32Array(count);
  const score = new Float32Array(count);
  const end = Math.min(textTokens, first + count * tokensEach);
  for (const { ranges, scores } of heads) {
    let row = 0;
    for (const { from, to } of ranges) {
      for (let position = Math.max(from, first); position < Math.min(to, end);) {
        const column = columnOf(columns, position);
        const next = Math.min(to, end, first + (column + 1) * tokensEach);
        held[column] = (held[column] ?? 0) + next - position;
        if (scores) {
          for (let i = row + position - from; i < row + next - from; i++) {
            score[column] = Math.max(score[column] ?? 0, scores[i] ?? 0);
          }
        }
        position = next;
      }
      row += to - from;
    }
  }
  for (let column = 0; column < count; column++) {
    const tokens = Math.min(tokensEach, Math.max(1, textTokens - first - column * tokensEach));
    held[column] = (held[column] ?? 0) / (tokens * Math.max(1, heads.length));
  }
  return { held, score };
}

/** How dark a cell is: scores are few and large, so their roots are shown. Without scores all are alike. */
export const darknessOf = (score: number, highest: number): number =>
  highest > 0 ? 0.3 + 0.7 * Math.sqrt(Math.max(0, score) / highest) : 0.85;
