// Which Chromium the tests drive, and with which flags. Knows nothing of any test runner.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isExecutable, placesOnPath, programNamedBy } from './find-program.mjs';

/** Names the browser. It is asked before any other place. */
export const CHROMIUM_VARIABLE = 'KVTAB_CHROMIUM';

/** Loaded only when it is needed: the headless runner looks here for a driver, and Playwright is large. */
function playwrightsOwn() {
  const { chromium } = /** @type {typeof import('playwright')} */ (
    createRequire(import.meta.url)('playwright')
  );
  return chromium.executablePath();
}

const commands = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

const macPlaces = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** @param {NodeJS.ProcessEnv} env */
const windowsPlaces = (env) =>
  [env['PROGRAMFILES'], env['PROGRAMFILES(X86)'], env['LOCALAPPDATA']]
    .filter((folder) => folder !== undefined)
    .flatMap((folder) => [
      join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe'),
      join(folder, 'Chromium', 'Application', 'chrome.exe'),
    ]);

/**
 * Paths at which the system's browser may be, in order of preference.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {NodeJS.Platform} platform
 * @returns {string[]}
 */
export function chromiumPlaces(env = process.env, platform = process.platform) {
  const onPath = placesOnPath(env, commands);
  const system = platform === 'darwin' ? macPlaces : platform === 'win32' ? windowsPlaces(env) : [];
  return [...onPath, ...system];
}

/**
 * The browser to test with: the environment's, then the system's, then Playwright's own.
 *
 * @returns {string | undefined} its path, or undefined if there is none
 */
export const findChromium = (env = process.env, platform = process.platform) =>
  programNamedBy(env, CHROMIUM_VARIABLE) ??
  chromiumPlaces(env, platform).find(isExecutable) ??
  [playwrightsOwn()].find(isExecutable);

/** What to do if {@link findChromium} finds nothing. */
export const NO_CHROMIUM = `No Chromium found: install one, run "npx playwright install chromium", or set ${CHROMIUM_VARIABLE} to its path.`;

/** The browser to test with; an error that says what to do if there is none. */
export function chromiumOrFail() {
  const path = findChromium();
  if (path === undefined) throw new Error(NO_CHROMIUM);
  return path;
}

const disabledFeatures = [
  // Two pages of the browser's own for each window, loaded before anybody types an address: a core for two seconds.
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup'],
  // A process kept warm for another site, which no test opens: a tenth of a second for each page.
  'SpareRendererForSitePerProcess',
  // What Playwright disables. Of two switches of one name Chromium reads the last, which is this one.
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades'],
  ...['HttpsFirstBalancedModeAutoEnable', 'LensOverlay', 'MediaRouter', 'PaintHolding'],
  ...['ThirdPartyStoragePartitioning', 'AvoidCorsURLLoaderRestartOnRedirect', 'TcpPortRandomizationWin'],
  ...['OptimizationHints', 'NetworkTimeServiceQuerying', 'AimEnabled', 'PreconnectToSearch'],
];

/** The browser talks to nobody but the page under test, and loads nothing else. */
export const quietFlags = [
  `--disable-features=${disabledFeatures.join(',')}`,
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
];

/** WebGPU on the bundled software adapter: the same one on every machine, with a GPU or without. */
export const webGpuFlags = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
