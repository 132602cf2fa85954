import { isAbsolute, normalize } from 'node:path';
import { show } from '../../../worker/hostile-fields.ts';
import type { Experiment } from '../../../worker/laboratory/experiment.ts';
import { Refused } from '../../../worker/outcome.ts';
import { hubModelOf } from '../../headless/hub-model.ts';

/**
 * Refuses models that do not mean the same on every machine, or that a stranger's job should not reach: models that
 * ship, folders below the one that a worker was started in, and commits of the Hub are fine.
 *
 * @throws Refused
 */
export function checkQueueModels({ rows }: Experiment): void {
  for (const { model } of rows) {
    const isFine = hubModelOf(model) ? /@[0-9a-f]{40}$/.test(model) : isBelow(model);
    if (isFine) continue;
    const reason = `${show(model)} is not for a queue: name a model that ships, a folder below the one of each worker, or hub:owner/name@commit with all 40 digits`;
    throw new Refused({ code: 'bad-request', field: 'model', reason });
  }
}

const isBelow = (path: string) => !isAbsolute(path) && !/^\.\.(?:[/\\]|$)/.test(normalize(path));
