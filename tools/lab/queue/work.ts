import { join } from 'node:path';
import { BadJson } from '../../../worker/hostile-json.ts';
import { planExperiment } from '../../../worker/laboratory/plan-experiment.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { runCells, type ExperimentParts } from '../../../worker/laboratory/run-experiment.ts';
import { Refused } from '../../../worker/outcome.ts';
import { hubModelOf } from '../../headless/hub-model.ts';
import { failureInWords } from '../failure-in-words.ts';
import { onInterrupt } from '../interrupt.ts';
import { ModelDigests } from '../model-digest.ts';
import type { WorkOrder } from '../options.mjs';
import type { Laboratory } from '../run-experiment-file.ts';
import { Sources } from '../sources.ts';
import { answerOf, readJob } from './cell-job.ts';
import { GiveBack, openCellWorker } from './open-queue.ts';
import { checkQueueModels } from './queue-models.ts';
import { readRedisAddress } from './redis-address.ts';

/**
 * Takes cells of a queue and measures them, until Ctrl+C. Models and texts are this machine's own, and count only if
 * their digests are those of the experiment.
 *
 * @throws Refused; LabError
 */
export async function work({ queue, lostAfterMs }: WorkOrder, laboratory: Laboratory): Promise<void> {
  const { engine, engineVersion, root, start, report } = laboratory;
  const address = readRedisAddress(queue);
  const sources = new Sources([start, join(root, 'public', 'laboratory', 'tasks')]);
  const digests = new ModelDigests(root, start);
  const parts: ExperimentParts = {
    engine,
    engineVersion,
    // No token of the Hub: a job may come from anybody who can write to the queue.
    peers: null,
    refOf: (model) => hubModelOf(model, { HF_ENDPOINT: process.env['HF_ENDPOINT'] }) ?? model,
    digestOf: (model) => digests.of(model),
    readSource: (wanted) => sources.read(wanted),
  };
  const stopping = new AbortController();
  const isStopping = () => stopping.signal.aborted;
  const measure = async (data: unknown): Promise<string> => {
    if (isStopping()) throw new GiveBack();
    try {
      const records = await measureJob(data, parts, report);
      report(`lab: measured ${records.length} items`);
      return answerOf(records);
    } catch (error) {
      if (isStopping()) throw new GiveBack();
      // The process that collects gets a sentence, and this one goes on with other cells.
      const reason =
        error instanceof Refused
          ? failureInWords(error.failure)
          : error instanceof BadJson || error instanceof RangeError
            ? error.message
            : null;
      report(`lab: a cell failed: ${reason ?? String(error)}`);
      throw reason === null ? error : new Error(reason);
    }
  };
  const worker = await openCellWorker({ address, engineVersion, report }, lostAfterMs, measure);
  report(`lab: waiting for cells of kvtab ${engineVersion}; Ctrl+C ends`);
  await new Promise<void>((resolve) => {
    onInterrupt(() => {
      report('lab: stopping; the current cell goes back to the queue');
      stopping.abort();
      engine.stop();
      resolve();
    });
  });
  await worker.close();
}

/** @throws Refused, also if files of this machine differ from those of the experiment */
async function measureJob(
  data: unknown,
  parts: ExperimentParts,
  report: (line: string) => void,
): Promise<readonly ItemRecord[]> {
  const { experiment, cells: names, keys } = readJob(data);
  checkQueueModels(experiment);
  const ids = new Set(names.map(({ row, measure }) => `${row} ${measure}`));
  const cells = await planExperiment(experiment, parts, ({ row, measure }) => ids.has(`${row} ${measure}`));
  const mine = new Set(cells.flatMap((cell) => cell.keys));
  if (![...keys].every((key) => mine.has(key))) {
    const models = [...new Set(cells.map(({ row }) => row.model))].join(', ');
    const reason = `the files of ${models} differ between this worker and the process that collects`;
    throw new Refused({ code: 'bad-request', field: 'model', reason });
  }
  report(`lab: measuring ${keys.size} items`);
  const records: ItemRecord[] = [];
  await runCells(cells, parts, {
    known: { has: (key) => !keys.has(key) },
    append: (record) => records.push(record),
    onProgress: () => undefined,
  });
  return records;
}
