// Which Firefox the tests drive, and with which settings. Knows nothing of any test runner.
import { accessSync, constants, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findLavapipe } from './vulkan.mjs';

/** Names the browser outright, before any other place is looked at. */
export const FIREFOX_VARIABLE = 'KVTAB_FIREFOX';

const commands = ['firefox-esr', 'firefox'];

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns {string | undefined} the environment's Firefox, else the first on the path */
export function findFirefox(env = process.env) {
  const named = env[FIREFOX_VARIABLE];
  if (named !== undefined && named !== '') {
    if (!isExecutable(named)) throw new Error(`${FIREFOX_VARIABLE} names ${named}, which cannot be run`);
    return named;
  }
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => commands.map((command) => join(folder, command)))
    .find(isExecutable);
}

/**
 * What the tests in Firefox need and this machine has not. Firefox brings no software adapter of its own, so that it
 * computes on lavapipe: the same one on every machine, with a GPU or without.
 *
 * @param {{ firefox: string | undefined, lavapipe: string | undefined }} found
 * @returns {string | null} in words, or null where nothing is missing
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
 * How to start Firefox with WebGPU, as puppeteer-core wants to be told.
 *
 * @throws where something is missing, saying what
 */
export function firefoxLaunch() {
  const [firefox, lavapipe] = [findFirefox(), findLavapipe()];
  if (firefox === undefined || lavapipe === undefined) {
    throw new Error(`The tests in Firefox miss ${String(missingForFirefox({ firefox, lavapipe }))}.`);
  }
  // Firefox wants to write to both, and a CI's home may belong to somebody else.
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
