// `npm run pictures -- FOLDER [--only SCENE,…]` builds the page, drives it in Chromium through the states that people
// show to others, and saves a picture of every panel at four widths, light and dark, and the printed page as PDF. For
// people who change how the page looks: look at all of them. Fails if a state scrolls sideways. What is not the window
// itself is taken on a screen so high that nothing scrolls in it.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { chromiumOrFail, quietFlags, webGpuFlags } from '../setup/find-chromium.mjs';
import { scenes } from './scenes.mjs';

const WIDTHS = [390, 768, 1440, 1920];
const HEIGHT = 900;
/** Higher than all settings together. */
const WHOLE_HEIGHT = 3600;
const SCHEMES = /** @type {const} */ (['light', 'dark']);

const { values, positionals } = parseArgs({
  options: { only: { type: 'string' }, built: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined) throw new Error('Name the folder for the pictures: npm run pictures -- FOLDER');
const wanted = values.only?.split(',') ?? Object.keys(scenes);
const unknown = wanted.filter((name) => !(name in scenes));
if (unknown.length > 0) {
  throw new Error(`There is no scene ${unknown.join(', ')}. Scenes are ${Object.keys(scenes).join(', ')}.`);
}

if (!values.built) await build({ logLevel: 'warn' });
const server = await preview({ preview: { host: '127.0.0.1', port: 0 } });
const browser = await chromium.launch({
  executablePath: chromiumOrFail(),
  args: [...quietFlags, ...webGpuFlags],
});
/** @type {string[]} */
const faults = [];
try {
  for (const name of wanted) {
    const scene = scenes[name];
    if (!scene) continue;
    const out = join(resolve(folder), name);
    mkdirSync(out, { recursive: true });
    const context = await browser.newContext({ reducedMotion: 'reduce', serviceWorkers: 'block' });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => faults.push(`${name}: ${error.message}`));
    // Wide enough for every setting to stand open.
    await page.setViewportSize({ width: 1440, height: HEIGHT });
    await page.goto(server.resolvedUrls?.local[0] ?? '');
    await page.getByText('Ready.', { exact: true }).waitFor();
    const parts = await scene(page);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: HEIGHT });
      // A narrow screen folds the settings; each button that unfolds some leaves the list. A press closes dialogs, so
      // what shows only the window stays as it is.
      await page.evaluate(
        () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
      );
      const folded = page.locator('legend button[aria-expanded="false"]:visible');
      const unfold = Object.values(parts).some((part) => part !== 'window');
      while (unfold && (await folded.count()) > 0) await folded.first().click();
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      if (scrollWidth > width) faults.push(`${name}: scrolls sideways at ${width} px (${scrollWidth} px)`);
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        for (const [part, locator] of Object.entries(parts)) {
          const path = join(out, `${part}-${width}-${colorScheme}.png`);
          await page.setViewportSize({ width, height: locator === 'window' ? HEIGHT : WHOLE_HEIGHT });
          await page.evaluate(() => {
            for (const element of [document.documentElement, document.querySelector('aside')])
              element?.scrollTo(0, 0);
          });
          if (locator === 'window') await page.screenshot({ path });
          else if (locator === 'page') await page.screenshot({ path, fullPage: true });
          else await locator.screenshot({ path });
        }
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.pdf({ path: join(out, 'print.pdf'), format: 'A4' });
    await context.close();
    process.stdout.write(`${name}: ${out}\n`);
  }
} finally {
  await browser.close();
  await server.close();
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
