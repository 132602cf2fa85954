/** The results of an experiment in the layout of lm-evaluation-harness: one folder for each row. */
import type { Measured } from '../protocol/measure.ts';
import type { Experiment } from './experiment.ts';
import { harnessItems, harnessKind, harnessTask } from './harness-task.ts';
import { sourceOf, type MeasureItems } from './measure-items.ts';
import type { Measure } from './measures.ts';
import type { ItemRecord } from './records.ts';
import { harnessFiles, type HarnessFile, type TaskOutcome } from './tasks/harness-files.ts';
import { resultsOf } from './tasks/task-results.ts';

const BOOTSTRAP_ITERATIONS = 1000;

export interface ExperimentItems {
  readonly experiment: Experiment;
  /** Of its measures. */
  readonly items: ReadonlyMap<Measure, MeasureItems>;
}

/**
 * Rows of which nothing is known have no folder. Items that are not known yet are left out, and counted.
 *
 * @param sources texts of the measures, by their digests
 */
export async function filesByRow(
  { experiment, items }: ExperimentItems,
  records: readonly ItemRecord[],
  sources: ReadonlyMap<string, string>,
  at: Date,
): Promise<readonly HarnessFile[]> {
  const files: HarnessFile[] = [];
  for (const [
    row,
    { label, model, backend, kvPrecision, mode, policy, config },
  ] of experiment.rows.entries()) {
    const found: TaskOutcome[] = [];
    for (const measure of experiment.measures) {
      const kind = harnessKind(measure);
      const ofMeasure = items.get(measure);
      const wanted = sourceOf(measure);
      if (!kind || !ofMeasure || !wanted) continue;
      const known = new Map<number, Measured>(
        records
          .filter((record) => record.row === row && record.measure === measure.id)
          .map(({ item, measured }) => [item, measured]),
      );
      if (known.size === 0) continue;
      const all = harnessItems(measure, ofMeasure, sources.get(wanted.sha256) ?? '');
      const indices = [...all.keys()].filter((i) => known.has(i));
      const task = harnessTask(measure, kind, { task: measure.id, ...measure });
      const results = await resultsOf(
        {
          task,
          items: indices.flatMap((i) => all[i] ?? []),
          measured: indices.flatMap((i) => known.get(i) ?? []),
        },
        BOOTSTRAP_ITERATIONS,
      );
      found.push({ ...results, task, config: task.config, items: all.length, measured: indices.length });
    }
    if (found.length === 0) continue;
    const run = {
      startedAt: at,
      savedAt: at,
      model,
      modelArgs: { backend, kv: kvPrecision, mode },
      limit: null,
      config: {},
      beside: {},
      bootstrapIterations: BOOTSTRAP_ITERATIONS,
      own: { row: label, sharing: config, policy, experiment: experiment.json },
    };
    for (const { name, text } of harnessFiles(found, run)) {
      files.push({ name: `row-${row + 1}/${name}`, text });
    }
  }
  return files;
}
