import { statSync } from 'node:fs';
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
  const there = model === '' ? [] : places.map((place) => [place, whatIsAt(place)] as const);
  const folder = there.find(([, what]) => what === 'folder');
  if (folder) return succeed(folder[0]);
  const isFile = there.some(([, what]) => what === 'file');
  const reason = isFile
    ? `${show(model)} is a file. Name the folder that holds config.json and the weights`
    : `${show(model)} is neither a folder nor the id of a model that ships`;
  return fail({ code: 'bad-request', field: 'model', reason });
}

function whatIsAt(path: string): 'folder' | 'file' | 'nothing' {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'nothing'; // Also if the path cannot be one: it is too long, or holds a 0.
  }
}
