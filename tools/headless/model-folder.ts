import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { show } from '../../worker/hostile-fields.ts';
import { fail, succeed } from '../../worker/outcome.ts';
import type { Outcome } from '../../worker/protocol/failure.ts';

/**
 * The folder of a model: that of a shipped model if the name is its id, otherwise the path itself.
 *
 * @param shipped the folder that holds the models that ship
 * @param from    the folder that a relative path starts from
 * @returns `bad-request` if there is no such folder
 */
export function findModelFolder(model: string, shipped: string, from: string): Outcome<string> {
  const isId = /^[\w.-]+$/.test(model) && !/^\.+$/.test(model);
  const places = [...(isId ? [join(shipped, model)] : []), resolve(from, model)];
  const folder = model === '' ? undefined : places.find((place) => existsSync(place));
  if (folder !== undefined) return succeed(folder);
  return fail({
    code: 'bad-request',
    field: 'model',
    reason: `${show(model)} is neither a folder nor the id of a model that ships`,
  });
}
