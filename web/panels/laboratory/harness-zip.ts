/** The results of an experiment in the layout of lm-evaluation-harness: one folder for each row, all in one zip. */
import { downloadZip } from 'client-zip';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { sourceOf } from '../../../worker/laboratory/measure-items.ts';
import { resultsOf, type TaskResults } from '../../../worker/laboratory/tasks/task-results.ts';
import type { Task } from '../../../worker/laboratory/tasks/task-file.ts';
import type { Measured } from '../../../worker/protocol/measure.ts';
import { harnessItems, harnessKind, harnessTask } from './harness-task.ts';
import type { OpenedExperiment } from './open-experiment.ts';

const BOOTSTRAP_ITERATIONS = 1000;

interface HarnessFile {
  readonly name: string;
  readonly input: string;
}

interface Found extends TaskResults {
  readonly task: Task;
  readonly items: number;
  readonly measured: number;
}

/** Rows of which nothing is known have no folder. Items that are not known yet are left out, and counted. */
export async function harnessFiles(
  { experiment, items }: OpenedExperiment,
  records: readonly ItemRecord[],
  sources: ReadonlyMap<string, string>,
  at: Date,
): Promise<readonly HarnessFile[]> {
  const date = at.toISOString().slice(0, -1).replaceAll(':', '-');
  const files: HarnessFile[] = [];
  for (const [
    row,
    { label, model, backend, kvPrecision, mode, policy, config },
  ] of experiment.rows.entries()) {
    const found: Found[] = [];
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
      found.push({ ...results, task, items: all.length, measured: indices.length });
    }
    if (found.length === 0) continue;
    const folder = `row-${row + 1}`;
    const byTask = <T>(of: (results: Found) => T) =>
      Object.fromEntries(found.map((results) => [results.task.name, of(results)] as const));
    const results = {
      results: byTask(({ numbers }) => numbers),
      group_subtasks: {},
      configs: byTask(({ task }) => task.config),
      versions: byTask(({ task }) => task.version),
      'n-shot': byTask(({ task }) => task.fewshotCount),
      higher_is_better: byTask(({ task }) =>
        Object.fromEntries(task.metrics.map(({ name, higherIsBetter }) => [name, higherIsBetter])),
      ),
      'n-samples': byTask((each) => ({ original: each.items, effective: each.measured })),
      config: {
        model: 'kvtab',
        model_args: { pretrained: model, backend, kv: kvPrecision, mode },
        ...{ batch_size: 1, batch_sizes: [], limit: null, bootstrap_iters: BOOTSTRAP_ITERATIONS },
        gen_kwargs: null,
      },
      date: at.getTime() / 1000,
      task_hashes: byTask(({ hash }) => hash),
      model_source: 'kvtab',
      model_name: model,
      model_name_sanitized: model.replace(/[^\w.-]+/g, '__'),
      system_instruction: null,
      chat_template: null,
      kvtab: {
        rules: 'lm-evaluation-harness 0.4.13',
        row: label,
        ...{ sharing: config, policy, experiment: experiment.json },
        not_scorable: byTask(({ notScorable }) => notScorable),
      },
    };
    files.push({ name: `${folder}/results_${date}.json`, input: `${JSON.stringify(results, null, 2)}\n` });
    for (const { task, samples } of found) {
      const name = `${folder}/samples_${task.name.replace(/[^\w.-]+/g, '_')}_${date}.jsonl`;
      files.push({ name, input: samples.map((sample) => `${JSON.stringify(sample)}\n`).join('') });
    }
  }
  return files;
}

export const zipOf = (files: readonly HarnessFile[]): Promise<Blob> => downloadZip(files).blob();
