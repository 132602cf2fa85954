import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { textOfOwnFile } from '../../worker/laboratory/own-file.ts';
import { BadJson, parseHostileJson } from '../../worker/hostile-json.ts';
import { estimateCost, type Cost } from '../../worker/laboratory/estimate-cost.ts';
import { readExperiment, type Experiment } from '../../worker/laboratory/experiment.ts';
import { exportSummary } from '../../worker/laboratory/export-summary.ts';
import { filesByRow } from '../../worker/laboratory/harness-rows.ts';
import { itemsOfMeasure, sourceOf } from '../../worker/laboratory/measure-items.ts';
import { planExperiment, recordsOf, type Cell } from '../../worker/laboratory/plan-experiment.ts';
import type { ItemRecord } from '../../worker/laboratory/records.ts';
import {
  refuseOtherEngines,
  runCells,
  type ExperimentParts,
  type Progress,
} from '../../worker/laboratory/run-experiment.ts';
import { summarize } from '../../worker/laboratory/summary.ts';
import { Refused } from '../../worker/outcome.ts';
import type { EngineApi } from '../../worker/protocol/engine.ts';
import { hubModelOf } from '../headless/hub-model.ts';
import { makeFolder } from '../headless/make-folder.ts';
import { onInterrupt } from './interrupt.ts';
import { LabError } from './lab-error.ts';
import { ModelDigests } from './model-digest.ts';
import type { ExperimentOrder } from './options.mjs';
import { collect } from './queue/collect.ts';
import { openCellQueue } from './queue/open-queue.ts';
import { checkQueueModels } from './queue/queue-models.ts';
import { readRedisAddress } from './queue/redis-address.ts';
import { byKey, readResultsFile, ResultsFile } from './results-file.ts';
import { Sources } from './sources.ts';

const limits = { length: 10_000_000, values: 100_000, names: 10_000, nonFinite: false, isFile: true };
const REPORT_EVERY_MS = 2000;

/** Where an experiment runs. */
export interface Laboratory {
  readonly engine: EngineApi;
  /** See `engineVersionAt`. */
  readonly engineVersion: string;
  /** The repository's folder, and the one that models are named from. */
  readonly root: string;
  readonly start: string;
  readonly report: (line: string) => void;
}

/**
 * Runs an experiment, or what is left of it, and prints its table. Nothing is loaded if nothing is left.
 *
 * @param order with absolute paths
 * @throws Refused; LabError
 */
export async function runExperimentFile(order: ExperimentOrder, laboratory: Laboratory): Promise<void> {
  const { experiment: path, out } = order;
  const { engine, engineVersion, root, start, report } = laboratory;
  const experiment = readExperiment(await readJson(path));
  refuseOtherEngines(experiment);
  const sources = new Sources([dirname(path), join(root, 'public', 'laboratory', 'tasks')]);
  const digests = new ModelDigests(root, start);
  const parts: ExperimentParts = {
    engine,
    peers: null,
    engineVersion,
    refOf: (model) => hubModelOf(model) ?? model,
    digestOf: (model) => digests.of(model),
    readSource: (wanted) => sources.read(wanted),
  };
  const head = { kvtab: engineVersion, experiment: experiment.json };
  if (order.estimate) {
    const known = byKey(readResultsFile(out, head).records);
    report(costInWords(await estimateCost(experiment, parts, known), experiment));
    return;
  }
  const cells = await planExperiment(experiment, parts);
  const results = ResultsFile.open(out, head);
  try {
    reportOthers(results, cells, engineVersion, out, report);
    if (order.queue === null) await runHere(cells, parts, results, out, report);
    else await runOnQueue(experiment, cells, results, order.queue, laboratory);
    const summary = summarize(experiment, recordsOf(cells, results.records), sources.texts);
    process.stdout.write(exportSummary(summary, order.table ?? 'md'));
    if (order.harness !== null) {
      await writeHarness(experiment, recordsOf(cells, results.records), sources.texts, order.harness);
    }
  } finally {
    results.close();
  }
}

/** Writes a folder for each row. Measures that the harness does not know are left out. */
async function writeHarness(
  experiment: Experiment,
  records: readonly ItemRecord[],
  texts: ReadonlyMap<string, string>,
  folder: string,
): Promise<void> {
  const items = new Map(
    experiment.measures.map((measure) => {
      const source = texts.get(sourceOf(measure)?.sha256 ?? '') ?? '';
      // Which items there are does not depend on the model's context.
      return [measure, itemsOfMeasure(measure, source, { contextTokens: 1, seed: experiment.seed })] as const;
    }),
  );
  for (const { name, text } of await filesByRow({ experiment, items }, records, texts, new Date())) {
    await makeFolder(join(folder, dirname(name)));
    await writeFile(join(folder, name), text);
  }
}

async function runHere(
  cells: readonly Cell[],
  parts: ExperimentParts,
  results: ResultsFile,
  out: string,
  report: (line: string) => void,
): Promise<void> {
  const stopping = new AbortController();
  const unwatch = onInterrupt(() => {
    stopping.abort();
    report('lab: stopping; Ctrl+C again ends at once');
    parts.engine.stop();
  });
  try {
    await runCells(cells, parts, {
      known: results.byKey,
      append: results.append,
      onProgress: progressReporter(report),
    });
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    const [done, items] = [recordsOf(cells, results.records).length, countItems(cells)];
    throw new LabError(
      `stopped after ${done} of ${items} items. ${out} keeps them; the same command continues it`,
    );
  } finally {
    unwatch();
  }
}

async function runOnQueue(
  experiment: Experiment,
  cells: readonly Cell[],
  results: ResultsFile,
  url: string,
  { engineVersion, report }: Laboratory,
): Promise<void> {
  checkQueueModels(experiment);
  const queue = await openCellQueue({ address: readRedisAddress(url), engineVersion, report });
  const stopping = new AbortController();
  const unwatch = onInterrupt(() => {
    stopping.abort();
  });
  try {
    await collect(experiment, cells, results, queue, { stopped: stopping.signal, report });
  } finally {
    unwatch();
    await queue.close();
  }
}

/** Says how far a run is, every few seconds. */
function progressReporter(report: (line: string) => void): (progress: Progress) => void {
  let reportedMs = 0;
  return ({ doneItems, items, tokens, leftTokens, ms, row, measure }) => {
    if (Date.now() - reportedMs < REPORT_EVERY_MS) return;
    reportedMs = Date.now();
    const left = tokens > 0 ? durationInWords((ms / tokens) * leftTokens) : 'some time';
    report(`lab: ${doneItems} of ${items} items, about ${left} left: ${row}, ${measure}`);
  };
}

/** Says if a file also holds records that do not count: numbers may change with the version and the model. */
function reportOthers(
  { head, records }: ResultsFile,
  cells: readonly Cell[],
  engineVersion: string,
  out: string,
  report: (line: string) => void,
): void {
  const keys = new Set(cells.flatMap((cell) => cell.keys));
  const others = records.filter(({ key }) => !keys.has(key)).length;
  if (others === 0) return;
  const why =
    head.kvtab === engineVersion
      ? 'they are of another version of kvtab or of other model files'
      : `the file was begun by kvtab ${head.kvtab.slice(0, 100)}, this is ${engineVersion}`;
  report(
    `lab: ${others} records of ${out} do not count: ${why}. They stay, and what they hold is measured again`,
  );
}

async function readJson(path: string): Promise<unknown> {
  const file = basename(path);
  const refuse = (reason: string) => new Refused({ code: 'bad-request', field: file, reason });
  if (!existsSync(path)) throw refuse('there is no such file');
  try {
    return parseHostileJson(textOfOwnFile(file, await readFile(path)), limits);
  } catch (error) {
    if (error instanceof BadJson) throw refuse(error.message);
    if (error instanceof Error && 'code' in error) throw refuse(error.message);
    throw error;
  }
}

const countItems = (cells: readonly Cell[]) => cells.reduce((sum, { keys }) => sum + keys.length, 0);

function durationInWords(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}

function costInWords({ items, missing, tokens, ms, bytes }: Cost, { rows }: Experiment): string {
  const left = missing < items ? `, ${missing} of them left` : '';
  const work = `${rows.length} rows, ${items} items${left}`;
  return `lab: ${work}: ${tokens} tokens, about ${durationInWords(ms)}, at most ${Math.ceil(bytes / 2 ** 20)} MiB at once`;
}
