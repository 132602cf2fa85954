import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { brief, show } from '../../../worker/hostile-fields.ts';
import type { Experiment } from '../../../worker/laboratory/experiment.ts';
import { missingItems, type Cell } from '../../../worker/laboratory/plan-experiment.ts';
import { groupByLoad } from '../../../worker/laboratory/run-experiment.ts';
import { LabError } from '../lab-error.ts';
import type { ResultsFile } from '../results-file.ts';
import { jobOf, readAnswer } from './cell-job.ts';
import type { CellQueue } from './open-queue.ts';

const LOOK_EVERY_MS = 250;
const REPORT_EVERY_MS = 10_000;
/** Answers without all that was asked for. */
const MOST_POOR_ANSWERS = 3;

/** Cells that one worker measures: one, or all rows of a timed measure, which only one machine can compare. */
interface Batch {
  readonly id: string;
  readonly cells: readonly Cell[];
  poorAnswers: number;
}

/**
 * Puts what is missing on a queue and collects the answers, in any order; the file has them in the order of a run
 * without a queue at the end. Cells that this process asked for before it was killed are not asked for again.
 *
 * @throws LabError if some cells failed, or if it was stopped. What was collected stays.
 */
export async function collect(
  experiment: Experiment,
  cells: readonly Cell[],
  results: ResultsFile,
  queue: CellQueue,
  { stopped, report }: { readonly stopped: AbortSignal; readonly report: (line: string) => void },
): Promise<void> {
  const batches = batchesOf(cells);
  const open = new Set(batches.filter((batch) => missingKeys(batch, results).size > 0));
  const failures: string[] = [];
  const ask = (batch: Batch) =>
    queue.add(
      batch.id,
      jobOf({
        experiment,
        cells: batch.cells.map(({ rowIndex, measure }) => ({ row: rowIndex, measure: measure.id })),
        keys: missingKeys(batch, results),
      }),
    );
  for (const batch of open) {
    // A failure of an earlier run does not answer this one.
    if ((await queue.find(batch.id)).state === 'failed') await queue.remove(batch.id);
    await ask(batch);
  }
  let reportedMs = Date.now();
  while (open.size > 0) {
    if (stopped.aborted) {
      throw new LabError(
        'stopped. The results so far are kept, workers go on with what is on the queue, and the same command collects it',
      );
    }
    for (const batch of open) {
      const { state, answer } = await queue.find(batch.id);
      if (state === 'open') continue;
      if (state === 'completed') {
        for (const record of readAnswer(answer, missingKeys(batch, results))) results.append(record);
        await queue.remove(batch.id);
      }
      const missing = missingKeys(batch, results).size;
      const isPoor = state === 'completed' && missing > 0 && ++batch.poorAnswers >= MOST_POOR_ANSWERS;
      if (state === 'failed' || isPoor) {
        failures.push(
          `${namesOf(batch)}: ${isPoor ? `${missing} items were not answered` : brief(show(answer))}`,
        );
        open.delete(batch);
      } else if (missing === 0) {
        open.delete(batch);
      } else {
        await ask(batch);
      }
    }
    if (Date.now() - reportedMs > REPORT_EVERY_MS && open.size > 0) {
      reportedMs = Date.now();
      const workers = await queue.countWorkers();
      report(`lab: ${batches.length - open.size} of ${batches.length} parts, ${workers ?? 'some'} workers`);
      if (workers === 0)
        report('lab: no worker is running: start npm run lab -- work --queue … at the same commit');
    }
    if (open.size > 0) await delay(LOOK_EVERY_MS);
  }
  const rank = new Map(
    batches.flatMap((batch, i) => batch.cells.flatMap(({ keys }) => keys.map((key) => [key, i]))),
  );
  results.sort(({ key }) => rank.get(key) ?? -1);
  if (failures.length > 0) {
    const rest = failures.length > 3 ? `, and ${failures.length - 3} more` : '';
    throw new LabError(
      `${failures.length} of ${batches.length} parts failed: ${failures.slice(0, 3).join('; ')}${rest}. The same command tries them again`,
    );
  }
}

/** In the order in which they run without a queue. */
function batchesOf(cells: readonly Cell[]): readonly Batch[] {
  const ordered = groupByLoad(cells).flat();
  const alone = ordered.filter(({ measure }) => measure.kind !== 'speed').map((cell) => [cell]);
  const timed = [...new Set(cells.map(({ measure }) => measure))]
    .filter(({ kind }) => kind === 'speed')
    .map((measure) => cells.filter((cell) => cell.measure === measure));
  const batches = new Map<string, Batch>();
  for (const some of [...alone, ...timed]) {
    const keys = some.flatMap((cell) => cell.keys);
    const id = `cells-${createHash('sha256').update(keys.join()).digest('hex')}`;
    if (!batches.has(id)) batches.set(id, { id, cells: some, poorAnswers: 0 });
  }
  return [...batches.values()];
}

function missingKeys({ cells }: Batch, { byKey }: ResultsFile): ReadonlySet<string> {
  return new Set(cells.flatMap((cell) => missingItems(cell, byKey).map((i) => cell.keys[i] ?? '')));
}

const namesOf = ({ cells }: Batch) =>
  cells.map(({ row, measure }) => `${row.label}, ${measure.id}`).join(' and ');
