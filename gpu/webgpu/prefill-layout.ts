import type { PrefillOptions } from '../backend.ts';
import type { StepForward } from './forward.ts';
import { PrefillSteps, type PrefillStep } from './prefill-steps.ts';
import { promptBlocks, rowPlaces, rowsCountAs, type PromptBlock } from './prompt-blocks.ts';
import { promptChunks, type PromptChunk } from './prompt-chunks.ts';
import type { RowOfTurn, TurnOfText } from './prompt-stores.ts';

/** A block of rows, and the steps on it. */
export interface SteppedBlock extends PromptBlock {
  readonly step: PrefillStep;
  /** On the turns of which queries here count for the scores; null if there are none. */
  readonly scored: PrefillStep | null;
}

/** Which rows a prefill has, and the steps on them. */
export interface PrefillLayout {
  readonly steps: PrefillSteps;
  readonly blocks: readonly SteppedBlock[];
  /** On the last row of each turn. Those of several turns are gathered behind all rows. */
  readonly last: PrefillStep;
  /** Those of all turns, and once more the last one of each if there are several. */
  readonly rows: readonly RowOfTurn[];
  /** Where a row of a turn lies. */
  readonly placeOf: (turn: number, row: number) => number;
}

/** @param everyScore whether every query counts for the scores, and not just the newest */
export function layOut(
  forward: StepForward,
  turns: readonly TurnOfText[],
  mode: PrefillOptions['mode'],
  everyScore: boolean,
): PrefillLayout {
  const { chunkRows, mostJobWork, tiled } = forward.context.tuning;
  const workOf = (turn: number, row: number) => workOfRow(forward, (turns[turn]?.start ?? 0) + row);
  const chunks = turns.map(({ rows }, turn): readonly PromptChunk[] =>
    mode === 'sequential'
      ? Array.from({ length: rows }, (_, firstRow) => ({ firstRow, rows: 1 }))
      : promptChunks(rows, (row) => workOf(turn, row), { mostRows: chunkRows, mostWork: mostJobWork }),
  );
  const steps = new PrefillSteps(forward.sharing.windowTokens);
  const blocks = promptBlocks(
    chunks,
    ({ turn, firstRow, rows }) => rows * workOf(turn, firstRow + rows - 1),
    { rows: chunkRows, work: mostJobWork },
    tiled,
  ).map((block): SteppedBlock => {
    const step = steps.add(block, block.chunks);
    const newest = block.chunks.filter(({ turn, firstRow, rows }) => firstRow + rows === turns[turn]?.rows);
    if (everyScore || newest.length === block.chunks.length) return { ...block, step, scored: step };
    return { ...block, step, scored: newest.length > 0 ? steps.add(block, block.chunks, newest) : null };
  });

  const rows = blocks.flatMap((block) =>
    block.chunks.flatMap(({ turn, firstRow, rows: count }) =>
      Array.from({ length: count }, (_, i): RowOfTurn => ({
        turn,
        position: (turns[turn]?.start ?? 0) + firstRow + i,
      })),
    ),
  );
  const lastRows = turns.map(({ start, rows: count }, turn) => ({
    row: { turn, position: start + count - 1 },
    chunk: { turn, firstRow: count - 1, rows: 1 },
  }));
  const count = turns.length;
  const last = steps.add(
    {
      firstRow: count === 1 ? rows.length - 1 : rows.length,
      rows: count,
      countsAs: tiled ? rowsCountAs(1, count) : count,
    },
    lastRows.map(({ chunk }) => chunk),
  );
  const gathered = count === 1 ? [] : lastRows.map(({ row }) => row);
  return { steps, blocks, last, rows: [...rows, ...gathered], placeOf: rowPlaces(blocks) };
}

/** Multiply-adds of the longest job for a row at a position. */
function workOfRow({ dims, sharing }: StepForward, position: number): number {
  const { hiddenSize, intermediateSize, heads, headDim } = dims;
  const seesAll = sharing.layers.some(({ windowed }) => !windowed);
  const keys = Math.min(position + 1, seesAll ? Infinity : sharing.windowTokens);
  return Math.max(3 * hiddenSize * intermediateSize, 2 * heads * headDim * (hiddenSize + keys));
}
