import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BadJson, parseHostileJson } from '../../worker/hostile-json.ts';
import { engineVersion } from '../../worker/laboratory/engine-version.ts';
import { readExperiment, type Experiment } from '../../worker/laboratory/experiment.ts';
import { exportSummary } from '../../worker/laboratory/export-summary.ts';
import { estimateCost, runExperiment, type ExperimentParts } from '../../worker/laboratory/run-experiment.ts';
import { summarize } from '../../worker/laboratory/summary.ts';
import { Refused, valueOf } from '../../worker/outcome.ts';
import type { EngineApi } from '../../worker/protocol/engine.ts';
import { hubModelOf } from '../headless/hub-model.ts';
import { findModelFolder } from '../headless/model-folder.ts';
import { digestOfFolder } from './model-digest.ts';
import type { ExperimentOrder } from './options.mjs';
import { byKey, readResultsFile, ResultsFile } from './results-file.ts';
import { Sources } from './sources.ts';

const limits = { length: 10_000_000, values: 100_000, names: 10_000, nonFinite: false, isFile: true };
const REPORT_EVERY_MS = 2000;

/**
 * Runs an experiment, or what is left of it, and prints its table.
 *
 * @param order with absolute paths
 * @param root  the repository's folder
 * @param start the folder that models are named from
 * @throws Refused
 */
export async function runExperimentFile(
  engine: EngineApi,
  { experiment: path, out, estimate, table }: ExperimentOrder,
  root: string,
  start: string,
  report: (line: string) => void,
): Promise<void> {
  const experiment = readExperiment(await readJson(path));
  const sources = new Sources([dirname(path), join(root, 'public', 'laboratory', 'tasks')]);
  const digests = new Map<string, Promise<string>>();
  const parts: ExperimentParts = {
    engine,
    engineVersion,
    refOf: (model) => hubModelOf(model) ?? model,
    digestOf: (model) => {
      const digest = digests.get(model) ?? digestOf(model, root, start);
      digests.set(model, digest);
      return digest;
    },
    readSource: (wanted) => sources.read(wanted),
  };
  const head = { kvtab: engineVersion, experiment: experiment.json };
  if (estimate) {
    const known = byKey(readResultsFile(out, head).records);
    report(costInWords(await estimateCost(experiment, parts, known), experiment));
    return;
  }
  const results = ResultsFile.open(out, head);
  let reportedMs = 0;
  await runExperiment(experiment, parts, {
    known: results.byKey,
    append: results.append,
    onProgress: ({ doneItems, items, tokens, leftTokens, ms, row, measure }) => {
      if (Date.now() - reportedMs < REPORT_EVERY_MS) return;
      reportedMs = Date.now();
      const left = tokens > 0 ? durationInWords((ms / tokens) * leftTokens) : 'some time';
      report(`lab: ${doneItems} of ${items} items, about ${left} left: ${row}, ${measure}`);
    },
  });
  const summary = summarize(experiment, results.records, sources.texts);
  process.stdout.write(exportSummary(summary, table ?? 'md'));
}

async function readJson(path: string): Promise<unknown> {
  const file = basename(path);
  const refuse = (reason: string) => new Refused({ code: 'bad-request', field: file, reason });
  if (!existsSync(path)) throw refuse('there is no such file');
  try {
    return parseHostileJson(await readFile(path, 'utf8'), limits);
  } catch (error) {
    if (error instanceof BadJson) throw refuse(error.message);
    throw error;
  }
}

/** A model of the Hub is known by its name and revision alone: its files are checked as they are read. */
async function digestOf(model: string, root: string, start: string): Promise<string> {
  if (hubModelOf(model)) return model;
  return digestOfFolder(valueOf(findModelFolder(model, join(root, 'public', 'models'), start)));
}

function durationInWords(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}

function costInWords(
  { items, missing, tokens, ms, bytes }: Awaited<ReturnType<typeof estimateCost>>,
  { rows }: Experiment,
): string {
  const left = missing < items ? `, ${missing} of them left` : '';
  const work = `${rows.length} rows, ${items} items${left}`;
  return `lab: ${work}: ${tokens} tokens, about ${durationInWords(ms)}, at most ${Math.ceil(bytes / 2 ** 20)} MiB at once`;
}
