// Which Firefox the tests drive, and with which settings. Knows nothing of any test runner.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isExecutable, placesOnPath, programNamedBy } from './find-program.mjs';
import { findLavapipe } from './vulkan.mjs';

/** Names the browser. It is asked before any other place. */
export const FIREFOX_VARIABLE = 'KVTAB_FIREFOX';

const commands = ['firefox-esr', 'firefox'];

/** @returns {string | undefined} the environment's Firefox, else the first on the PATH */
export const findFirefox = (env = process.env) =>
  programNamedBy(env, FIREFOX_VARIABLE) ?? placesOnPath(env, commands).find(isExecutable);

/**
 * What the tests in Firefox need and this machine lacks. Firefox brings no software adapter, so it computes on lavapipe:
 * the same adapter on every machine, with a GPU or without.
 *
 * @param {{ firefox: string | undefined, lavapipe: string | undefined }} found
 * @returns {string | null} in words, or null if nothing is missing
 */
export function missingForFirefox(
  { firefox, lavapipe } = { firefox: findFirefox(), lavapipe: findLavapipe() },
) {
  const missing = [
    ...(firefox === undefined
      ? [`Firefox (install firefox-esr, or set ${FIREFOX_VARIABLE} to its path)`]
      : []),
    ...(lavapipe === undefined ? ['lavapipe of Mesa 24.3 or newer (the package mesa-vulkan-drivers)'] : []),
  ];
  return missing.length === 0 ? null : missing.join(' and ');
}

/**
 * How to start Firefox with WebGPU: options of puppeteer-core.
 *
 * @throws if something is missing, saying what
 */
export function firefoxLaunch() {
  const [firefox, lavapipe] = [findFirefox(), findLavapipe()];
  if (firefox === undefined || lavapipe === undefined) {
    throw new Error(`The tests in Firefox need ${String(missingForFirefox({ firefox, lavapipe }))}.`);
  }
  // Firefox writes to both, and a CI's home may belong to another user.
  const home = mkdtempSync(join(tmpdir(), 'kvtab-firefox-'));
  return {
    browser: /** @type {const} */ ('firefox'),
    executablePath: firefox,
    headless: true,
    extraPrefsFirefox: {
      'dom.webgpu.enabled': true,
      'dom.webgpu.workers.enabled': true,
      'gfx.webgpu.ignore-blocklist': true,
      // Nothing but the page under test.
      'app.normandy.enabled': false,
      'datareporting.policy.dataSubmissionEnabled': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
    },
    env: { ...process.env, VK_ICD_FILENAMES: lavapipe, HOME: home, XDG_RUNTIME_DIR: home },
  };
}
