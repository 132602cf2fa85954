/** Neighboring rows. */
export interface RowRun {
  readonly first: number;
  readonly count: number;
}

/** Ascending positions as runs of neighbors, each of at most `most`. */
export function runsOf(positions: readonly number[], most: number): RowRun[] {
  const runs: RowRun[] = [];
  for (const position of positions) {
    const run = runs.at(-1);
    if (run && run.first + run.count === position && run.count < most) {
      runs[runs.length - 1] = { first: run.first, count: run.count + 1 };
    } else {
      runs.push({ first: position, count: 1 });
    }
  }
  return runs;
}
