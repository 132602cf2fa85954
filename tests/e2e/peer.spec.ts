import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'playwright/test';
import { serveFolder } from '../support/static-server.ts';
import { tinyConfigs } from '../support/tiny-checkpoint-folder.ts';
import { bringAxe } from './axe.ts';
import { openLab, takePictures, turnTo } from './lab.ts';
import {
  compareOf,
  comparePlainLlama,
  compareTinyCheckpoint,
  elsewhere,
  engineFilesOf,
  noteRequests,
  peerLink,
} from './peer-stories.ts';

const dist = process.env['KVTAB_BUILT_SITE'] ?? fileURLToPath(new URL('../../dist/', import.meta.url));

const onCpu = (changes: Readonly<Record<string, string>> = {}) =>
  peerLink({ backend: 'cpu', '1.backend': 'cpu', '2.backend': 'cpu', ...changes });

/** The built files of transformers.js that the CPU needs. */
function filesForCpu() {
  const version = readdirSync(join(dist, 'peer')).find((name) => name.startsWith('transformers-')) ?? '';
  return readdirSync(join(dist, 'peer', version))
    .filter((name) => !name.includes('asyncify'))
    .map((name) => ({ name, bytes: statSync(join(dist, 'peer', version, name)).size }));
}

test('transformers.js writes the same greedy tokens from the same weights, from the page’s own origin', async ({
  page,
  baseURL,
}, testInfo) => {
  await bringAxe(page);
  const bytes = filesForCpu().reduce((sum, file) => sum + file.bytes, 0);
  // The page draws at random; kvtab writes once more, greedily, to compare.
  const { asked, lab, part, column, about } = await comparePlainLlama(page, 'transformers.js', bytes);
  await expect(column(2)).toContainText(/[\d.]+ MiB WebAssembly memory.*it reports nothing/s);
  await expect(column(2)).toContainText(
    /transformers\.js 4\.\d+\.\d+, ONNX Runtime 1\.\d+.*WebAssembly, 1 thread, ort-wasm-simd-threaded\.wasm, f32 weights, computed in f32, greedy/s,
  );
  await expect(column(1)).toContainText(/[\d.]+ MiB weights and caches, by kvtab’s ledger/);
  await expect(column(1)).toContainText(/Runs as kvtab, CPU .*relaxed SIMD on the processor, \d+ threads?/);
  await expect(column(2).locator('mark')).toHaveCount(0);

  expect(elsewhere(asked, baseURL)).toEqual([]);
  expect([...engineFilesOf(asked)].sort()).toEqual(
    filesForCpu()
      .map(({ name }) => name)
      .sort(),
  );
  const how = await page.request.get(
    new URL(
      String(await about.getByRole('link', { name: 'How this is measured' }).getAttribute('href')),
      baseURL,
    ).href,
  );
  expect(await how.text()).toContain('transformers.js');

  await takePictures(lab, testInfo, 'peer', { part });
  await page.reload();
  await expect(column(2)).toContainText('are those of kvtab.');
});

for (const kind of Object.keys(tinyConfigs) as (keyof typeof tinyConfigs)[]) {
  test(`transformers.js and kvtab agree on a ${kind} checkpoint, also in 4 bits`, async ({ page }) => {
    const { column } = await compareTinyCheckpoint(page, kind, 'transformers.js', async (lab) => {
      await lab.number('Max new tokens').fill('16');
      await lab.select('KV precision').selectOption('f32 (4 bytes)');
    });
    for (const [number, weights] of [
      [2, 'f32 weights'],
      [4, '4-bit weights'],
    ] as const) {
      await expect(column(number)).toContainText('Its 16 greedy tokens');
      await expect(column(number)).toContainText(weights);
    }
  });
}

test('a plan that shares keys and values is said to be impossible there, and nothing is loaded for it', async ({
  page,
}) => {
  const asked = noteRequests(page);
  await page.goto(onCpu({ '2.model': 'fairy-lckv', '2.layers': '0_6_6_6_6_6_6_7' }));
  const { part, column, run } = compareOf(page);
  await run();
  await expect(column(2)).toContainText(
    'Impossible in transformers.js: layer 1 reads the keys and values of layer 6 above it',
  );
  await expect(column(1)).toContainText('Decode speed');
  expect(engineFilesOf(asked)).toEqual([]);
  await turnTo(page, 'Write');
  await openLab(page).layerTypes.fill('0_0_2_2_4_4_6_6');
  await turnTo(page, 'Compare');
  await expect(part).toContainText(
    'The plan that is set cannot run there. Impossible in transformers.js: layer 1 reads',
  );
});

test('a file of the engine that is missing or spoilt is told in words, and the page stays usable', async ({
  page,
}) => {
  await page.route('**/peer/**/*.wasm', (route) => route.abort());
  await page.goto(onCpu());
  const { column, run } = compareOf(page);
  await run();
  await expect(column(2)).toContainText('its file ort-wasm-simd-threaded.wasm could not be loaded');
  await expect(column(1)).toContainText(/Decode speed.*tokens\/s/s);

  // As long as it should be, and no WebAssembly.
  await page.unroute('**/peer/**/*.wasm');
  const bytes = filesForCpu().find(({ name }) => name.endsWith('.wasm'))?.bytes ?? 0;
  await page.route('**/peer/**/*.wasm', (route) => route.fulfill({ body: Buffer.alloc(bytes) }));
  await run();
  await expect(column(2)).toContainText('transformers.js failed while preparing the graph');

  await page.unroute('**/peer/**/*.wasm');
  await page.route('**/peer/**/transformers.min.js', (route) => route.fulfill({ status: 404 }));
  await run();
  await expect(column(2)).toContainText('its file transformers.min.js could not be loaded');
  await turnTo(page, 'Write');
  await openLab(page).generate.click();
  await expect(page.getByText(/^Done/)).toBeVisible();
});

test('Stop ends an engine that never answers', async ({ page }) => {
  await page.route('**/peer/**/*.wasm', () => undefined);
  await page.goto(onCpu());
  await turnTo(page, 'Compare');
  const { part } = compareOf(page);
  await part.getByRole('button', { name: 'Compare', exact: true }).click();
  await expect(page.getByText('transformers.js: loading ONNX Runtime').first()).toBeVisible({
    timeout: 60_000,
  });
  await part.getByRole('button', { name: 'Stop comparing' }).click();
  await expect(part.getByRole('button', { name: 'Stop comparing' })).toHaveCount(0);
  await expect(part.getByText(/^Stopped\. What was measured/)).toBeVisible();
  await turnTo(page, 'Write');
  await openLab(page).generate.click();
  await expect(page.getByText(/^Done/)).toBeVisible();
});

test.describe('with a service worker', () => {
  test.use({ serviceWorkers: 'allow' });

  test('the engine is not stored before its first use, and works offline after it', async ({ page }) => {
    const server = await serveFolder(dist, '/some/project/');
    await page.goto(`${server.url}#v=1&seed=1`); // a link loads no model
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    const kept = () =>
      page.evaluate(async () => {
        const found: string[] = [];
        for (const name of await caches.keys())
          for (const { url } of await (await caches.open(name)).keys())
            if (url.includes('/peer/')) found.push(String(url.split('/').at(-1)));
        return found.sort();
      });
    expect(await kept()).toEqual([]);
    await page.reload();
    const link = onCpu().slice('./'.length);
    await page.goto(`${server.url}${link}`);
    const { column, run } = compareOf(page);
    await run();
    await expect(column(2)).toContainText('are those of kvtab.');
    await expect.poll(kept).toEqual(
      filesForCpu()
        .map(({ name }) => name)
        .sort(),
    );
    await server.stop();

    await page.reload();
    await openLab(page).number('Max new tokens').fill('9');
    await run();
    await expect(column(2)).toContainText('Its 9 greedy tokens');
  });
});
