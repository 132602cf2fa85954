// Runs the bench in a page of Chromium, which Vite serves from the sources.
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { assemblyScript } from '../setup/assembly-script.mjs';
import { root } from '../setup/build-for-node.mjs';
import { findChromium, quietFlags, webGpuFlags } from '../setup/find-chromium.mjs';

/**
 * @param {import('./options.ts').BenchRequest} request
 * @returns {Promise<import('./bench.ts').BenchReport | import('./bench-batch.ts').BatchReport>}
 */
export async function benchInChromium(request) {
  const server = await createServer({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'error',
    plugins: [assemblyScript()],
    server: { host: '127.0.0.1', port: 0, hmr: false },
  });
  const executablePath = findChromium();
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [...quietFlags, ...webGpuFlags],
  });
  try {
    await server.listen();
    const page = await browser.newPage();
    page.on('pageerror', (error) => {
      process.stderr.write(`${error.message}\n`);
    });
    const url = server.resolvedUrls?.local[0] ?? '';
    await page.goto(`${url}tools/bench/page.html`);
    await page.waitForFunction(() => 'runBench' in globalThis);
    return await page.evaluate((wanted) => globalThis.runBench(wanted), request);
  } finally {
    await browser.close();
    await server.close();
  }
}
