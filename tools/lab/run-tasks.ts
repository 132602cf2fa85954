import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { textOfOwnFile } from '../../worker/laboratory/own-file.ts';
import { harnessFiles } from '../../worker/laboratory/tasks/harness-files.ts';
import { openTask, workOf, type OpenedTask } from '../../worker/laboratory/tasks/open-task.ts';
import { resultsOf, type TaskResults } from '../../worker/laboratory/tasks/task-results.ts';
import { Refused, valueOf } from '../../worker/outcome.ts';
import type { EngineApi } from '../../worker/protocol/engine.ts';
import type { ModelFacts } from '../../worker/protocol/load.ts';
import type { Measured } from '../../worker/protocol/measure.ts';
import { hubModelOf } from '../headless/hub-model.ts';
import { makeFolder } from '../headless/make-folder.ts';
import type { TasksOrder } from './options.mjs';

/** As many as in the references of this project. */
const BOOTSTRAP_ITERATIONS = 1000;
const REPORT_EVERY_MS = 5000;

/**
 * Measures task files and writes the results as lm-evaluation-harness does. All files are read before anything runs.
 *
 * @param order with absolute paths
 * @throws Refused
 */
export async function runTasks(
  engine: EngineApi,
  order: TasksOrder,
  report: (line: string) => void,
): Promise<void> {
  const opened: OpenedTask[] = [];
  for (const path of order.tasks) {
    const { task, items } = await openTaskFile(path);
    opened.push({ task, items: items.slice(0, order.limit ?? undefined) });
  }
  const names = opened.map(({ task }) => task.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new Refused({
      code: 'bad-request',
      field: '--tasks',
      reason: `two files call their task ${twice}`,
    });
  }
  await makeFolder(order.out);

  const startMs = Date.now();
  const model = hubModelOf(order.model) ?? order.model;
  const load = { model, backend: order.backend, weights: 'stored', quantizeEmbeddings: false } as const;
  const facts = valueOf(await engine.load(load, () => undefined));
  const maxLength = order.maxLength ?? facts.dims.contextTokens;
  const found = new Map<OpenedTask, TaskResults>();
  for (const task of opened) {
    const measured: Measured[] = [];
    let done = 0;
    let reportedMs = Date.now();
    const work = workOf(task, { maxLength, begin: order.begin });
    const reading = { config: {}, mode: order.mode, kvPrecision: order.kv, policy: { id: 'none' } } as const;
    const result = await engine.measure({ ...reading, work }, (event) => {
      if (event.type !== 'measured') return;
      measured[event.item] = event.measured;
      done++;
      if (Date.now() - reportedMs < REPORT_EVERY_MS) return;
      reportedMs = Date.now();
      report(`lab: ${task.task.name}: ${done} of ${task.items.length} items`);
    });
    valueOf(result);
    const results = await resultsOf({ ...task, measured }, BOOTSTRAP_ITERATIONS);
    found.set(task, results);
    report(`lab: ${task.task.name}: ${JSON.stringify(results.numbers)}`);
  }
  await write(order, facts, maxLength, found, startMs);
}

async function openTaskFile(path: string): Promise<OpenedTask> {
  const file = basename(path);
  const text = await readIfThere(path);
  if (text === null) throw new Refused({ code: 'bad-request', field: file, reason: 'there is no such file' });
  return openTask(text, file, (name) => readIfThere(join(dirname(path), name)));
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return textOfOwnFile(basename(path), await readFile(path));
  } catch (error) {
    if (error instanceof Refused) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refused({ code: 'bad-request', field: basename(path), reason });
  }
}

async function write(
  order: TasksOrder,
  facts: ModelFacts,
  maxLength: number,
  found: ReadonlyMap<OpenedTask, TaskResults>,
  startMs: number,
): Promise<void> {
  const { model, backend, kv, mode, limit, begin } = order;
  const outcomes = [...found].map(([{ task, items }, results]) => ({
    ...{ ...results, task, config: configOf(task), items: items.length, measured: items.length },
  }));
  const files = harnessFiles(outcomes, {
    startedAt: new Date(startMs),
    savedAt: new Date(),
    model,
    modelArgs: { backend, kv, mode },
    limit,
    bootstrapIterations: BOOTSTRAP_ITERATIONS,
    config: { device: facts.adapter.description },
    beside: {
      max_length: maxLength,
      total_evaluation_time_seconds: String((Date.now() - startMs) / 1000),
    },
    own: { begin, stored: facts.stored, adapter: facts.adapter },
  });
  for (const { name, text } of files) await writeFile(join(order.out, name), text);
}

/** A task's configuration with the harness's defaults. */
function configOf(task: OpenedTask['task']): Readonly<Record<string, unknown>> {
  return {
    description: task.description,
    target_delimiter: task.targetDelimiter,
    fewshot_delimiter: task.fewshotDelimiter,
    num_fewshot: task.fewshotCount,
    output_type: task.outputType,
    repeats: 1,
    should_decontaminate: false,
    unsafe_code: false,
    ...task.config,
  };
}
