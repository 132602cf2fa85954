/** The files that lm-evaluation-harness writes: `results_*.json`, and one `samples_<task>_*.jsonl` for each task. */
import type { Task } from './task-file.ts';
import type { TaskResults } from './task-results.ts';

/** What came out of a task. */
export interface TaskOutcome extends TaskResults {
  readonly task: Task;
  /** Of `configs`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly items: number;
  /** Items that were measured. */
  readonly measured: number;
}

/** How the tasks were run. */
export interface HarnessRun {
  readonly startedAt: Date;
  /** The names of the files hold it. */
  readonly savedAt: Date;
  readonly model: string;
  readonly modelArgs: Readonly<Record<'backend' | 'kv' | 'mode', string>>;
  /** The most items of each task; null for all. */
  readonly limit: number | null;
  readonly bootstrapIterations: number;
  /** What the harness has in `config` and beside it, as far as it is known here. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly beside: Readonly<Record<string, unknown>>;
  /** What the harness does not have, and its readers do not look at. */
  readonly own: Readonly<Record<string, unknown>>;
}

export interface HarnessFile {
  readonly name: string;
  readonly text: string;
}

export function harnessFiles(outcomes: readonly TaskOutcome[], run: HarnessRun): readonly HarnessFile[] {
  const { startedAt, savedAt, model, modelArgs, limit, bootstrapIterations } = run;
  const date = savedAt.toISOString().slice(0, -1).replaceAll(':', '-');
  const byTask = <T>(of: (outcome: TaskOutcome) => T) =>
    Object.fromEntries(outcomes.map((outcome) => [outcome.task.name, of(outcome)] as const));
  const results = {
    results: byTask(({ numbers }) => numbers),
    group_subtasks: {},
    configs: byTask(({ config }) => config),
    versions: byTask(({ task }) => task.version),
    'n-shot': byTask(({ task }) => task.fewshotCount),
    higher_is_better: byTask(({ task }) =>
      Object.fromEntries(task.metrics.map(({ name, higherIsBetter }) => [name, higherIsBetter])),
    ),
    'n-samples': byTask(({ items, measured }) => ({ original: items, effective: measured })),
    config: {
      model: 'kvtab',
      model_args: { pretrained: model, ...modelArgs },
      ...{ batch_size: 1, batch_sizes: [], limit, bootstrap_iters: bootstrapIterations, gen_kwargs: null },
      ...run.config,
    },
    date: startedAt.getTime() / 1000,
    task_hashes: byTask(({ hash }) => hash),
    model_source: 'kvtab',
    model_name: model,
    model_name_sanitized: model.replace(/[^\w.-]+/g, '__'),
    system_instruction: null,
    chat_template: null,
    ...run.beside,
    kvtab: {
      rules: 'lm-evaluation-harness 0.4.13',
      ...run.own,
      not_scorable: byTask(({ notScorable }) => notScorable),
    },
  };
  return [
    { name: `results_${date}.json`, text: `${JSON.stringify(results, null, 2)}\n` },
    ...outcomes.map(({ task, samples }) => ({
      name: `samples_${task.name.replace(/[^\w.-]+/g, '_')}_${date}.jsonl`,
      text: samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''),
    })),
  ];
}
