import type { BackendError } from '../backend-error.ts';
import type { WantedLikelihoods } from '../backend.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import type { StepForward } from './forward.ts';
import { fewMultipliedRows } from './kernels/project-rows.ts';
import type { Scope } from './memory.ts';
import { runPaced, type Job } from './pacer.ts';
import { recordLogits, type PrefillBuffers } from './prefill-layer.ts';
import { replayStep, type PrefillStep, type PrefillSteps } from './prefill-steps.ts';
import { runsOf } from './row-runs.ts';

/** What is wanted of a turn. */
export interface WantedOfTurn {
  readonly likelihoods: WantedLikelihoods | null;
  /** Where the hidden state of one of its rows lies. */
  readonly placeOf: (row: number) => number;
  /** The failure of a row whose logits are not finite. */
  readonly notFinite: (row: number) => Promise<BackendError>;
}

interface WantedRow {
  readonly turn: number;
  readonly row: number;
}

/** Rows whose logits are computed together. Their hidden states lie behind one another, in the order of the blocks. */
interface Block {
  readonly rows: readonly WantedRow[];
  readonly step: PrefillStep;
}

/** The rows of which likelihoods are wanted, in blocks. */
export type WantedBlocks = readonly Block[];

/**
 * Adds the steps of all rows of which something is wanted.
 *
 * @param most rows whose logits are computed together
 */
export function wantedBlocks(
  turns: readonly (WantedLikelihoods | null)[],
  steps: PrefillSteps,
  most: number,
): WantedBlocks {
  const runs = turns.flatMap((wanted, turn) => {
    const positions = [...new Set((wanted?.wanted ?? []).map(({ position }) => position))];
    return runsOf(positions, most).map((run) => ({ turn, ...run }));
  });
  // Products of few rows are taken in another order: that which the row's turn would get by itself.
  const [few, many] = [true, false].map((isFew) =>
    runs
      .filter(({ count }) => count <= fewMultipliedRows === isFew)
      .flatMap(({ turn, first, count }): WantedRow[] =>
        Array.from({ length: count }, (_, i) => ({ turn, row: first + i })),
      ),
  );
  const blocks: Block[] = [];
  let firstRow = 0;
  const addAll = (all: readonly WantedRow[], countsAs: (rows: number) => number) => {
    for (let from = 0; from < all.length; from += most) {
      const rows = all.slice(from, from + most);
      const count = rows.length;
      blocks.push({ rows, step: steps.add({ firstRow, rows: count, countsAs: countsAs(count) }) });
      firstRow += count;
    }
  };
  addAll(few ?? [], (rows) => Math.min(rows, fewMultipliedRows));
  addAll(many ?? [], (rows) => Math.max(rows, fewMultipliedRows + 1));
  return blocks;
}

/**
 * Computes the likelihoods and hands them on, turn by turn. The logits stay on the device, a block of rows at a time. What
 * is read back is a few numbers for each token.
 *
 * @returns false if it was stopped
 */
export async function readLikelihoods(
  forward: StepForward,
  scope: Scope,
  buffers: PrefillBuffers,
  turns: readonly WantedOfTurn[],
  blocks: WantedBlocks,
  stopped: () => boolean,
): Promise<boolean> {
  const { context, dims } = forward;
  const { LikelihoodReader } = await import('./likelihood-reader.ts');
  // A token is known by the place of its row among all rows, and by its place among those of its turn.
  const tokensAt = turns.map(({ likelihoods }) => {
    const byRow = new Map<number, { readonly token: number; readonly index: number }[]>();
    for (const [index, { position, token }] of (likelihoods?.wanted ?? []).entries()) {
      byRow.set(position, [...(byRow.get(position) ?? []), { token, index }]);
    }
    return byRow;
  });
  const placed = blocks
    .flatMap(({ rows }) => rows)
    .flatMap(({ turn, row }, place) =>
      (tokensAt[turn]?.get(row) ?? []).map(({ token, index }) => ({
        ...{ turn, row, index },
        wanted: { position: place, token },
      })),
    );
  const mostRows = Math.max(...blocks.map(({ rows }) => rows.length));
  const logits = scope.storage('logits', mostRows * 4 * dims.vocabSize);
  const reader = await LikelihoodReader.open(
    forward,
    scope,
    placed.map(({ wanted }) => wanted),
    blocks.map(({ step: { firstRow, rows } }) => ({ first: firstRow, count: rows })),
    logits,
  );
  // After the last pass nothing needs what entered a group.
  const { hidden, entering: gathered } = buffers;
  const recording = await recordLogits(forward, scope, gathered, buffers, logits);
  const rowBytes = 4 * paddedCols(dims.hiddenSize);
  const jobs = blocks.flatMap(({ rows, step }, i): Job[] => [
    {
      work: 0,
      copy: (encoder) => {
        for (const [at, { turn, row }] of rows.entries()) {
          const from = (turns[turn]?.placeOf(row) ?? 0) * rowBytes;
          encoder.copyBufferToBuffer(hidden, from, gathered, (step.firstRow + at) * rowBytes, rowBytes);
        }
      },
    },
    {
      work: rows.length * dims.vocabSize * paddedCols(dims.hiddenSize),
      dispatch: (pass) => {
        replayStep(recording, pass, step);
        reader.replay(pass, i);
      },
    },
  ]);
  const finished = await runPaced(context, jobs, context.tuning.firstSubmitWork, () => !stopped());
  if (!finished) return false;
  const read = await reader.read();
  const inOrder = placed
    .map((token, i) => ({ ...token, likelihood: read[i] }))
    .sort((a, b) => a.turn - b.turn || a.index - b.index);
  for (const { turn, row, index, likelihood } of inOrder) {
    const of = turns[turn];
    if (!of) continue;
    if (!likelihood) throw await of.notFinite(row);
    of.likelihoods?.onLikelihood(index, likelihood);
  }
  return true;
}
