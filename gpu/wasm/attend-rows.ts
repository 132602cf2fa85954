import { padded } from '../numbers/panels.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { Address, Kernels } from './kernels.ts';
import type { Team } from './threads/team.ts';

/** Keys and values side by side. */
export interface Run {
  readonly address: Address;
  readonly rows: number;
}

/** A query row, what it sees, and where its heads' outputs go, which is zero before. */
export interface AttendingRow {
  readonly q: Address;
  readonly runs: readonly Run[];
  readonly into: Address;
}

/** The scratch of attention, of which each part of a job has its own. */
export interface AttentionScratch {
  readonly scores: Address; //  [threads, heads, stride]
  readonly widened: Address; // [threads, 4, headDim]
  /** Bytes from head to head of the scores. */
  readonly stride: number;
  /** Bytes of a row of keys and values. */
  readonly rowBytes: number;
  readonly half: boolean;
}

/** Bytes of the heads that are widened at a time: four. */
export const headsBytes = (headDim: number): number => 4 * 4 * padded(headDim);

/**
 * Query rows over the keys that they see. What a row sees nothing of stays zero. Threads share the rows, or the KV heads
 * of a single one, whose scores then lie in `scratch.scores`, `[heads, stride]`.
 */
export function attendRows(
  team: Team,
  { heads, kvHeads, headDim }: ModelDims,
  { scores, widened, stride, rowBytes, half }: AttentionScratch,
  rows: readonly AttendingRow[],
): void {
  const group = heads / kvHeads;
  const headBytes = headDim * (half ? 2 : 4);
  const keys = rows.reduce((sum, { runs }) => sum + keysOf(runs), 0);
  const pieces = rows.length === 1 ? kvHeads : rows.length;
  const parts = team.partsOf(2 * keys * heads * headDim, Math.min(pieces, team.threads));
  team.share(parts, (kernels, part) => {
    const first = Math.floor((pieces * part) / parts);
    const end = Math.floor((pieces * (part + 1)) / parts);
    if (rows.length === 1) {
      for (const row of rows) attend(kernels, row, first, end - first, scores, part);
    } else {
      const own = scores + stride * heads * part;
      for (const row of rows.slice(first, end)) attend(kernels, row, 0, kvHeads, own, part);
    }
  });

  /** Some KV heads of a row. */
  function attend(
    kernels: Kernels,
    { q, runs, into }: AttendingRow,
    firstKvHead: number,
    count: number,
    rowScores: Address,
    part: number,
  ): void {
    const [first, ofHeads] = [group * firstKvHead, group * count];
    const own = rowScores + stride * first;
    const room = widened + headsBytes(headDim) * part;
    const at = headBytes * firstKvHead;
    let before = 0;
    for (const { address, rows: some } of runs) {
      const query = q + 4 * headDim * first;
      const scoresAt = own + 4 * before;
      kernels.scoreKeys(
        half,
        query,
        ofHeads,
        count,
        headDim,
        address + at,
        rowBytes,
        some,
        scoresAt,
        stride,
        room,
      );
      before += some;
    }
    if (before > 0) kernels.soften(own, stride, ofHeads, before);
    before = 0;
    for (const { address, rows: some } of runs) {
      const values = address + rowBytes / 2 + at;
      const output = into + 4 * headDim * first;
      kernels.mixValues(
        half,
        own + 4 * before,
        stride,
        ofHeads,
        count,
        headDim,
        values,
        rowBytes,
        some,
        output,
        room,
      );
      before += some;
    }
  }
}

/** How many keys lie in some runs. */
export const keysOf = (runs: readonly Run[]): number => runs.reduce((sum, { rows }) => sum + rows, 0);
