// WebKit evaluates the entry module of a worker again when a chunk that was imported dynamically imports from it. Two
// engines then answer every message: the page says "Ready.", and the next run fails because no model is loaded.

/** Chunks that import a script of others, by an address that only the running page knows: worker/peer. */
const importsOthers = ['transformers-js-', 'wllama-'];

/**
 * @param {ReadonlyMap<string, import('./built-modules.mjs').BuiltModule>} modules of a built page, by file
 * @returns {{ entries: readonly string[], faults: readonly string[] }} faults: in words, why WebKit would evaluate an
 *   entry again
 */
export function checkWorkerEntries(modules) {
  const entries = [...new Set([...modules.values()].flatMap(({ workers }) => workers))].sort();
  const faults = [...modules].flatMap(([file, { unreadable }]) =>
    unreadable
      .filter((what) => !(importsOthers.some((chunk) => file.startsWith(chunk)) && what === 'an import()'))
      .map((what) => `${file} has ${what} whose file cannot be read from the script`),
  );
  for (const entry of entries) {
    const module = modules.get(entry);
    if (!module) faults.push(`${entry} is started as a worker, and the build has no such file`);
    if (module?.hasExports) faults.push(`the worker entry ${entry} has exports`);
    for (const [file, { imports, importsLater }] of modules) {
      if ([...imports, ...importsLater].includes(entry))
        faults.push(`${file} imports the worker entry ${entry}`);
    }
  }
  return { entries, faults };
}
