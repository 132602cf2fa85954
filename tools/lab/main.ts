import { resolve } from 'node:path';
import { Refused } from '../../worker/outcome.ts';
import type { Failure } from '../../worker/protocol/failure.ts';
import { openEngine, type Surroundings } from '../headless/main.ts';
import type { ExperimentOrder, TasksOrder } from './options.mjs';
import { runExperimentFile } from './run-experiment-file.ts';
import { runTasks } from './run-tasks.ts';

/**
 * Runs what was asked for.
 *
 * @returns the exit status: 0; 1 if something failed; 2 if the files that were named are wrong, so that nothing ran
 */
export async function main(order: TasksOrder | ExperimentOrder, surroundings: Surroundings): Promise<number> {
  const pathOf = (path: string) => resolve(startFolder(), path);
  const engine = openEngine(surroundings, startFolder());
  try {
    if (order.kind === 'tasks') {
      await runTasks(engine, { ...order, tasks: order.tasks.map(pathOf), out: pathOf(order.out) }, report);
    } else {
      const paths = { experiment: pathOf(order.experiment), out: pathOf(order.out) };
      await runExperimentFile(engine, { ...order, ...paths }, surroundings.root, startFolder(), report);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    report(`lab: ${inWords(error.failure)}`);
    return error.failure.code === 'bad-request' ? 2 : 1;
  } finally {
    await engine.unload();
  }
}

/** The folder that the user called npm in. npm runs scripts in the repository's folder, and passes the other one on. */
function startFolder(): string {
  const calledByNpm = process.env['npm_lifecycle_event'] === 'lab';
  return (calledByNpm ? process.env['INIT_CWD'] : undefined) ?? process.cwd();
}

function inWords(failure: Failure): string {
  if (failure.code === 'bad-request') return `${failure.field}: ${failure.reason}`;
  return JSON.stringify(failure);
}

const report = (line: string) => {
  process.stderr.write(`${line}\n`);
};
