// Which WebKit the tests drive. Knows nothing of any test runner.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable, placesOnPath, programNamedBy } from './find-program.mjs';

/** These name the driver and the browser. They are asked before any other place. */
export const WEBKIT_DRIVER_VARIABLE = 'KVTAB_WEBKIT_DRIVER';
export const WEBKIT_BROWSER_VARIABLE = 'KVTAB_WEBKIT_BROWSER';

/** @param {string} folder */
const foldersOf = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(folder, entry.name))
    : [];

/** Distributions install WebKitGTK's small browser beside its helpers: `webkit2gtk-4.1` for GTK 3, `webkitgtk-6.0` for GTK 4. */
function browsersOfSystem() {
  const libraries = ['/usr/lib', '/usr/lib64', '/usr/libexec'];
  return [...libraries, ...foldersOf('/usr/lib').filter((folder) => folder.includes('-linux-'))]
    .flatMap(foldersOf)
    .filter((folder) => /\/webkit2?gtk-[\d.]+$/.test(folder))
    .sort()
    .map((folder) => join(folder, 'MiniBrowser'));
}

/**
 * WebKitGTK's driver and browser, and the X server without a screen that the browser draws on.
 *
 * @returns {{ driver: string | undefined, browser: string | undefined, xServer: string | undefined }}
 */
export const findWebKit = (env = process.env, browsers = browsersOfSystem()) => ({
  driver:
    programNamedBy(env, WEBKIT_DRIVER_VARIABLE) ?? placesOnPath(env, ['WebKitWebDriver']).find(isExecutable),
  browser: programNamedBy(env, WEBKIT_BROWSER_VARIABLE) ?? browsers.find(isExecutable),
  xServer: placesOnPath(env, ['Xvfb']).find(isExecutable),
});

/** @returns {string | null} what the tests in WebKit need and this machine lacks, in words; null if nothing is missing */
export function missingForWebKit({ driver, browser, xServer } = findWebKit()) {
  const missing = [
    ...(driver === undefined
      ? [`WebKitWebDriver (install webkit2gtk-driver, or set ${WEBKIT_DRIVER_VARIABLE} to its path)`]
      : []),
    ...(browser === undefined
      ? [`WebKitGTK’s MiniBrowser (install webkit2gtk-driver, or set ${WEBKIT_BROWSER_VARIABLE} to its path)`]
      : []),
    ...(xServer === undefined ? ['Xvfb (install xvfb)'] : []),
  ];
  return missing.length === 0 ? null : missing.join(' and ');
}

/**
 * @returns {{ driver: string, browser: string, xServer: string }}
 * @throws if something is missing, saying what
 */
export function webKitOrFail() {
  const { driver, browser, xServer } = findWebKit();
  if (driver === undefined || browser === undefined || xServer === undefined) {
    throw new Error(`The tests in WebKit need ${String(missingForWebKit({ driver, browser, xServer }))}.`);
  }
  return { driver, browser, xServer };
}
