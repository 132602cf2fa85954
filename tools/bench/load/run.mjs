// `npm run --silent bench:load` measures loading a stored model in Chromium and prints JSON.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { assemblyScript } from '../../setup/assembly-script.mjs';
import { root } from '../../setup/build-for-node.mjs';
import { findChromium, quietFlags, webGpuFlags } from '../../setup/find-chromium.mjs';
import { readOptionsAs } from '../../setup/read-options.mjs';
import { removeFolder } from '../../setup/remove-folder.mjs';
import { wholeNumber } from '../../setup/whole-number.mjs';
import { whereMeasured } from '../machine.mjs';

const usage = `npm run --silent bench:load -- [options]
  --shape S        random weights: 135m, 1.1b, or layers,hidden,intermediate,heads,kvHeads,headDim,vocab (135m)
  --repeats N      loads to measure, at most 100 (3)
JSON goes to standard output.`;

const { shape, repeats } = readOptionsAs(
  { shape: { type: 'string', default: '135m' }, repeats: { type: 'string', default: '3' } },
  usage,
  (values) => ({ shape: values.shape, repeats: wholeNumber('repeats', values.repeats, { max: 100 }) }),
);
const server = await createServer({
  root,
  configFile: false,
  publicDir: false,
  logLevel: 'error',
  plugins: [assemblyScript()],
  server: { host: '127.0.0.1', port: 0, hmr: false },
});
const executablePath = findChromium();
// The profile is on disk, because a private window keeps IndexedDB in memory.
const profile = mkdtempSync(join(tmpdir(), 'kvtab-bench-'));
const browser = await chromium.launchPersistentContext(profile, {
  ...(executablePath === undefined ? {} : { executablePath }),
  args: [...quietFlags, ...webGpuFlags],
});
try {
  await server.listen();
  const page = await browser.newPage();
  await page.goto(`${server.resolvedUrls?.local[0] ?? ''}tools/bench/load/page.html`);
  await page.waitForFunction(() => 'runLoadBench' in globalThis);
  const report = await page.evaluate(({ shape: s, repeats: n }) => globalThis.runLoadBench(s, n), {
    shape,
    repeats,
  });
  const measured = { ...whereMeasured(), browser: await page.evaluate(() => navigator.userAgent), ...report };
  process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`);
} finally {
  await browser.close();
  await server.close();
  await removeFolder(profile);
}
