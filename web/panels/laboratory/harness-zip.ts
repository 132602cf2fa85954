/** The results of an experiment in the layout of lm-evaluation-harness: one folder for each row, all in one zip. */
import { downloadZip } from 'client-zip';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { sourceOf } from '../../../worker/laboratory/measure-items.ts';
import { harnessFiles, type TaskOutcome } from '../../../worker/laboratory/tasks/harness-files.ts';
import { resultsOf } from '../../../worker/laboratory/tasks/task-results.ts';
import type { Measured } from '../../../worker/protocol/measure.ts';
import { harnessItems, harnessKind, harnessTask } from './harness-task.ts';
import type { OpenedExperiment } from './open-experiment.ts';

const BOOTSTRAP_ITERATIONS = 1000;

interface ZippedFile {
  readonly name: string;
  readonly input: string;
}

/** Rows of which nothing is known have no folder. Items that are not known yet are left out, and counted. */
export async function filesByRow(
  { experiment, items }: OpenedExperiment,
  records: readonly ItemRecord[],
  sources: ReadonlyMap<string, string>,
  at: Date,
): Promise<readonly ZippedFile[]> {
  const files: ZippedFile[] = [];
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
      files.push({ name: `row-${row + 1}/${name}`, input: text });
    }
  }
  return files;
}

export const zipOf = (files: readonly ZippedFile[]): Promise<Blob> => downloadZip(files).blob();
