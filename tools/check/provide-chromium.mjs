import { findChromium, NO_CHROMIUM } from '../setup/find-chromium.mjs';
import { runCommand } from './run-command.mjs';

/**
 * Installs Playwright's Chromium where there is none. Where that fails too it is said; what needs it fails of itself.
 *
 * @throws where the environment names one that cannot be run
 */
export async function provideChromium() {
  if (findChromium() !== undefined) return;
  console.log('No Chromium found: installing Playwright’s own.');
  await runCommand(['playwright', 'install', 'chromium'], { show: true, limitMs: 10 * 60_000 });
  if (findChromium() === undefined) console.log(NO_CHROMIUM);
}
