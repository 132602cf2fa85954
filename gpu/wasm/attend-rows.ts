import { padded } from '../numbers/panels.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { Address, Kernels } from './kernels.ts';
import type { LinearMemory } from './linear-memory.ts';
import { piecesBefore, type Hands } from './threads/hands.ts';

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

/** The scratch of attention, of which each part of a job has its own, and one table of rows. */
export interface AttentionScratch {
  readonly table: Address; //   as kernels/attend-together.ts wants it
  readonly scores: Address; //  [threads, scoredHeads, stride]
  readonly widened: Address; // [threads, 32, headDim], and more: headsBytes
  /** Bytes from head to head of the scores. */
  readonly stride: number;
  /** Bytes of a row of keys and values. */
  readonly rowBytes: number;
  readonly half: boolean;
}

/** Keys of a tile of `kernels/across.ts`, whose last vectors may be read and written beyond what is of use. */
const TILE = 32;

/** Bytes of the keys or values that are widened at a time, and of one more: they lie before the table of one row. */
export const tileBytes = (headDim: number): number => 4 * ((TILE + 1) * padded(headDim) + TILE);

/** Bytes of a thread's room to widen heads in. */
export const headsBytes = (headDim: number): number => tileBytes(headDim) + 64;

/** Bytes from head to head of the scores of rows that see so many keys. */
export const scoreStrideOf = (keys: number): number => 4 * (padded(keys) + TILE);

/** Rows whose keys are widened once for all of them. */
const ROWS_TOGETHER = 16;
/** A store's ring has two ends, and a turn's own rows one or two. */
const MOST_RUNS = 4;

/** Bytes of the table of a block of rows. */
export const tableBytes = (rows: number): number => (8 + 8 * MOST_RUNS) * rows;

/** For how many heads a thread needs room for scores: those of one row, or those of rows together on one KV head. */
export const scoredHeads = ({ heads, kvHeads }: ModelDims): number =>
  Math.max(heads, (ROWS_TOGETHER * heads) / kvHeads);

/**
 * Query rows over the keys that they see. What a row sees nothing of stays zero. Neighbors in a text are computed together,
 * with the sums of each alone. Threads share the rows, or the KV heads of a single one, whose scores then lie in
 * `scratch.scores`, `[heads, stride]`.
 */
export function attendRows(
  memory: LinearMemory,
  hands: Hands,
  dims: ModelDims,
  { table, stride, rowBytes, half, ...rooms }: AttentionScratch,
  rows: readonly AttendingRow[],
): void {
  const { heads, kvHeads, headDim } = dims;
  const group = heads / kvHeads;
  const headBytes = headDim * (half ? 2 : 4);
  const scores = rooms.scores + stride * scoredHeads(dims) * hands.firstRoom;
  const widened = rooms.widened + headsBytes(headDim) * hands.firstRoom;
  const keys = rows.reduce((sum, { runs }) => sum + keysOf(runs), 0);
  const pieces = rows.length === 1 ? kvHeads : rows.length;
  // A multiply-add of attention takes as long as three of a product.
  const parts = hands.partsOf(3 * 2 * keys * heads * headDim, Math.min(pieces, hands.threads));
  const cut = (part: number) => piecesBefore(pieces, part, parts);
  const blocks = Array.from({ length: parts }, (_, part) =>
    rows.length === 1 ? [] : blocksOf(rows, cut(part), cut(part + 1), rowBytes),
  );
  for (const { first, rows: some } of blocks.flat()) {
    if (some.length === 1) continue;
    const entries = some.flatMap(entriesOf);
    memory.ints(table + tableBytes(first), entries.length).set(entries);
  }
  hands.share(parts, (kernels, part) => {
    if (rows.length === 1) {
      for (const row of rows) attend(kernels, row, cut(part), cut(part + 1) - cut(part), scores, part);
    }
    const own = scores + stride * scoredHeads(dims) * part;
    for (const { first, rows: some } of blocks[part] ?? []) {
      const [row] = some;
      if (row && some.length === 1) attend(kernels, row, 0, kvHeads, own, part);
      else {
        const [at, count, runs] = [table + tableBytes(first), some.length, row?.runs.length ?? 0];
        const room = widened + headsBytes(headDim) * part;
        kernels.attendTogether(half, at, count, runs, heads, kvHeads, headDim, rowBytes, own, stride, room);
      }
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
    if (runs.length === 0) return;
    const first = group * firstKvHead;
    const before = 4 * headDim * first;
    kernels.attendRow(
      half,
      q + before,
      into + before,
      group * count,
      count,
      headDim,
      rowBytes,
      rowScores + stride * first,
      stride,
      widened + headsBytes(headDim) * part,
      tileBytes(headDim),
      runs.length,
      ...runs.flatMap((run) => [run.address + headBytes * firstKvHead, run.rows]),
    );
  }
}

/** How many keys lie in some runs. */
export const keysOf = (runs: readonly Run[]): number => runs.reduce((sum, { rows }) => sum + rows, 0);

/** Rows that are neighbors in a text, or one that is not, from an index on. */
interface Block {
  readonly first: number;
  readonly rows: readonly AttendingRow[];
}

function blocksOf(
  rows: readonly AttendingRow[],
  from: number,
  to: number,
  rowBytes: number,
): readonly Block[] {
  const blocks: { readonly first: number; readonly rows: AttendingRow[] }[] = [];
  for (const [index, row] of rows.slice(from, to).entries()) {
    const block = blocks.at(-1);
    const [first] = block?.rows ?? [];
    const joins = block && first && block.rows.length < ROWS_TOGETHER && seeAlike(first, row, rowBytes);
    if (joins) block.rows.push(row);
    else blocks.push({ first: from + index, rows: [row] });
  }
  return blocks;
}

/** Whether two rows see about the same: as many runs, which begin and end a few rows of the same memory apart. */
function seeAlike(a: AttendingRow, b: AttendingRow, rowBytes: number): boolean {
  if (a.runs.length !== b.runs.length || a.runs.length > MOST_RUNS) return false;
  return a.runs.every((run, index) => {
    const other = b.runs[index] ?? run;
    const starts = (other.address - run.address) / rowBytes;
    const ends = starts + other.rows - run.rows;
    return Number.isInteger(starts) && Math.abs(starts) < ROWS_TOGETHER && Math.abs(ends) < ROWS_TOGETHER;
  });
}

const entriesOf = ({ q, into, runs }: AttendingRow): readonly number[] => [
  q,
  into,
  ...runs.flatMap((run) => [run.address, run.rows]),
];
