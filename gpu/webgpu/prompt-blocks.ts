import { fewAttendedRows } from './kernels/attend-many.ts';
import { fewMultipliedRows } from './kernels/project-rows.ts';
import type { PromptChunk } from './prompt-chunks.ts';
import { MOST_SEGMENTS } from './step.ts';

/** A chunk of one of several turns. */
export interface ChunkOfTurn extends PromptChunk {
  readonly turn: number;
}

/** Rows of several turns that go through a layer at a time. */
export interface PromptBlock {
  /** Among the rows of all turns. */
  readonly firstRow: number;
  readonly rows: number;
  /** Whole chunks, one behind the other. */
  readonly chunks: readonly ChunkOfTurn[];
  /** The number of rows by which kernels are chosen. */
  readonly countsAs: number;
}

/** What a block may hold, unless it is a single chunk. */
interface MostOfBlock {
  readonly rows: number;
  readonly work: number;
}

/**
 * The number of rows by which the kernels of a block are chosen: those that its chunks would get by themselves. Kernels
 * for few rows take their sums in another order than those for more.
 */
export function rowsCountAs(chunkRows: number, blockRows: number): number {
  if (chunkRows <= fewAttendedRows) return Math.min(blockRows, fewAttendedRows);
  return chunkRows <= fewMultipliedRows ? fewMultipliedRows : blockRows;
}

/**
 * Puts chunks of several turns into common blocks, so that matrices are read once for all of them. Chunks stay whole, and
 * only chunks that take the same kernels are together, so that every sum of a row is taken as if its turn were read alone.
 * A chunk comes after those before it in its turn.
 *
 * @param chunks     of each turn
 * @param kernelsVary whether kernels for few rows are others
 */
export function promptBlocks(
  chunks: readonly (readonly PromptChunk[])[],
  workOf: (chunk: ChunkOfTurn) => number,
  most: MostOfBlock,
  kernelsVary: boolean,
): readonly PromptBlock[] {
  const blocks: PromptBlock[] = [];
  let firstRow = 0;
  const close = (together: readonly ChunkOfTurn[]) => {
    const [first] = together;
    if (!first) return;
    const rows = rowsIn(together);
    const countsAs = kernelsVary ? rowsCountAs(first.rows, rows) : rows;
    blocks.push({ firstRow, rows, chunks: together, countsAs });
    firstRow += rows;
  };
  const rounds = Math.max(...chunks.map(({ length }) => length));
  for (let round = 0; round < rounds; round++) {
    const ofRound = chunks.flatMap((ofTurn, turn): ChunkOfTurn[] => {
      const chunk = ofTurn[round];
      return chunk ? [{ ...chunk, turn }] : [];
    });
    const kinds = kernelsVary ? [1, fewAttendedRows + 1, fewMultipliedRows + 1] : [1];
    for (const [i, least] of kinds.entries()) {
      const alike = ofRound.filter(({ rows }) => rows >= least && rows < (kinds[i + 1] ?? Infinity));
      let together: ChunkOfTurn[] = [];
      let work = 0;
      for (const chunk of alike) {
        const more = workOf(chunk);
        const fits =
          together.length < MOST_SEGMENTS &&
          rowsIn(together) + chunk.rows <= most.rows &&
          work + more <= most.work;
        if (!fits) {
          close(together);
          together = [];
          work = 0;
        }
        together.push(chunk);
        work += more;
      }
      close(together);
    }
  }
  return blocks;
}

const rowsIn = (chunks: readonly PromptChunk[]) => chunks.reduce((sum, { rows }) => sum + rows, 0);

/** Where a row of a turn lies among the rows of all blocks. */
export function rowPlaces(blocks: readonly PromptBlock[]): (turn: number, row: number) => number {
  const firsts = new Map<number, { readonly from: number; readonly rows: number; readonly at: number }[]>();
  for (const { firstRow, chunks } of blocks) {
    let at = firstRow;
    for (const { turn, firstRow: from, rows } of chunks) {
      firsts.set(turn, [...(firsts.get(turn) ?? []), { from, rows, at }]);
      at += rows;
    }
  }
  return (turn, row) => {
    const chunk = firsts.get(turn)?.findLast(({ from }) => from <= row);
    if (!chunk || row >= chunk.from + chunk.rows) throw new RangeError(`no row ${row} of turn ${turn}`);
    return chunk.at + row - chunk.from;
  };
}
