import { findChromium, NO_CHROMIUM } from '../setup/find-chromium.mjs';
import { runCommand } from './run-command.mjs';

/**
 * Installs Playwright's Chromium if there is no browser. If that fails too, it says so, and the tests that need a browser
 * fail later.
 *
 * @throws if the environment names a browser that cannot be run
 */
export async function provideChromium() {
  if (findChromium() !== undefined) return;
  console.log('No Chromium found: installing Playwright’s own.');
  await runCommand(['playwright', 'install', 'chromium'], { show: true, limitMs: 10 * 60_000 });
  if (findChromium() === undefined) console.log(NO_CHROMIUM);
}
