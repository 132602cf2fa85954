// The page's initial JavaScript: what a visitor downloads before anything works, the worker that computes included.
import { gzipSync } from 'node:zlib';

/**
 * @param {readonly string[]} entries the scripts of the page itself
 * @param {ReadonlyMap<string, import('./built-modules.mjs').BuiltModule>} modules of the built page, by file
 * @returns {readonly string[]} the entries and all that they load as they start: static imports, and workers
 */
export function initialScripts(entries, modules) {
  const initial = new Set(entries);
  for (const file of initial) {
    const { imports, workers } = modules.get(file) ?? { imports: [], workers: [] };
    for (const loaded of [...imports, ...workers]) initial.add(loaded);
  }
  return [...initial];
}

/** @param {readonly string[]} sources */
export const gzippedBytes = (sources) => sources.reduce((sum, source) => sum + gzipSync(source).length, 0);
