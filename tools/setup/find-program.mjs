import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @param {string} path */
export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} commands
 * @returns {string[]} where they may be: in every folder of the PATH, in the order of the commands
 */
export const placesOnPath = (env, commands) =>
  (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => commands.map((command) => join(folder, command)));

/**
 * The program that an environment variable names.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} variable
 * @returns {string | undefined} its path, or undefined if the variable is empty
 * @throws if it names something that cannot be run
 */
export function programNamedBy(env, variable) {
  const named = env[variable];
  if (named === undefined || named === '') return undefined;
  if (!isExecutable(named)) throw new Error(`${variable} names ${named}, which cannot be run`);
  return named;
}
