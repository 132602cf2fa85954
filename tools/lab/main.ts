import { resolve } from 'node:path';
import { engineVersionAt } from '../../worker/laboratory/engine-version.ts';
import { Refused } from '../../worker/outcome.ts';
import { openEngine, type Surroundings } from '../headless/main.ts';
import { startFolder } from '../headless/start-folder.ts';
import { failureInWords } from './failure-in-words.ts';
import { LabError } from './lab-error.ts';
import type { ExperimentOrder, TasksOrder, WorkOrder } from './options.mjs';
import { work } from './queue/work.ts';
import { runExperimentFile } from './run-experiment-file.ts';
import { runTasks } from './run-tasks.ts';

export interface LabSurroundings extends Surroundings {
  /** See `engineVersionAt`. */
  readonly commit: string;
}

/**
 * Runs what was asked for.
 *
 * @returns the exit status: 0; 1 if something failed; 2 if the files that were named are wrong, so that nothing ran
 */
export async function main(
  order: TasksOrder | ExperimentOrder | WorkOrder,
  surroundings: LabSurroundings,
): Promise<number> {
  const start = startFolder('lab');
  const pathOf = (path: string) => resolve(start, path);
  const engine = openEngine(surroundings, start);
  const laboratory = {
    engine,
    engineVersion: engineVersionAt(surroundings.commit),
    root: surroundings.root,
    start,
    report,
  };
  try {
    if (order.kind === 'tasks') {
      await runTasks(engine, { ...order, tasks: order.tasks.map(pathOf), out: pathOf(order.out) }, report);
    } else if (order.kind === 'work') {
      await work(order, laboratory);
    } else {
      const { experiment, out, harness } = order;
      const paths = {
        experiment: pathOf(experiment),
        out: pathOf(out),
        harness: harness === null ? null : pathOf(harness),
      };
      await runExperimentFile({ ...order, ...paths }, laboratory);
    }
    return 0;
  } catch (error) {
    if (error instanceof LabError) {
      report(`lab: ${error.message}`);
      return 1;
    }
    if (!(error instanceof Refused)) throw error;
    report(`lab: ${failureInWords(error.failure)}`);
    return error.failure.code === 'bad-request' ? 2 : 1;
  } finally {
    await engine.unload();
  }
}

const report = (line: string) => {
  process.stderr.write(`${line}\n`);
};
