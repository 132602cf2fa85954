import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Mocks a module, keeps data in the IndexedDB of the process, itself or through the fixture of the tests of the Hub, or
 * runs another engine, for which V8 is set otherwise.
 */
const changesItsProcess = /vi\.(?:do)?[mM]ock\(|'fake-indexeddb|\/fixture\.ts'|\/run-graph\.ts'/;

/**
 * @param {string} root
 * @returns {string[]} the unit tests that need a process of their own, as paths within `root`
 */
export function unitTestsApart(root) {
  const folder = join('tests', 'unit');
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.spec.ts'))
    .map((file) => join(folder, file))
    .filter((file) => changesItsProcess.test(readFileSync(join(root, file), 'utf8')))
    .map((file) => file.replaceAll('\\', '/'));
}
