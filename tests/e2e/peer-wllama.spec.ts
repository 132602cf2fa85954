import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'playwright/test';
import { peerExperiment, peerExperimentLink } from '../support/peer-experiment.ts';
import { serveFolder } from '../support/static-server.ts';
import { tinyConfigs } from '../support/tiny-checkpoint-folder.ts';
import { openLab, turnTo } from './lab.ts';
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
  peerLink({ backend: 'cpu', '1.backend': 'cpu', '2.backend': 'cpu', ...changes }, 'wllama');

/** The built files of wllama. */
function builtFiles() {
  const folder = readdirSync(join(dist, 'peer')).find((name) => name.startsWith('wllama-')) ?? '';
  return readdirSync(join(dist, 'peer', folder))
    .sort()
    .map((name) => ({ name, bytes: statSync(join(dist, 'peer', folder, name)).size }));
}

test('wllama writes the same greedy tokens from the same weights, from the page’s own origin', async ({
  page,
  baseURL,
}) => {
  const bytes = builtFiles().reduce((sum, file) => sum + file.bytes, 0);
  const { asked, column } = await comparePlainLlama(page, 'wllama', bytes);
  await expect(column(2)).toContainText(/[1-9][\d.]* MiB WebAssembly memory.*it reports nothing/s);
  await expect(column(2)).toContainText(
    /wllama 3\.\d+\.\d+, llama\.cpp b\d+-\w+.*WebAssembly, 1 thread, wllama\.wasm, f16 weights, computed in f16, greedy/s,
  );
  expect(elsewhere(asked, baseURL)).toEqual([]);
  expect([...new Set(engineFilesOf(asked))].sort()).toEqual(builtFiles().map(({ name }) => name));
  await page.reload();
  await expect(column(2)).toContainText('are those of kvtab.');
});

for (const kind of Object.keys(tinyConfigs) as (keyof typeof tinyConfigs)[]) {
  test(`wllama and kvtab agree on a ${kind} checkpoint, and wllama takes 4 bits`, async ({ page }) => {
    const { column } = await compareTinyCheckpoint(page, kind, 'wllama', (lab) =>
      lab.number('Max new tokens').fill('8'),
    );
    await expect(column(2)).toContainText('Its 8 greedy tokens');
    // llama.cpp rounds what it multiplies 4-bit numbers with to 8 bits, so a token may be another one.
    await expect(column(4)).toContainText(/4-bit weights, computed in 8-bit numbers/);
    await expect(column(4)).toContainText(/Its 8 greedy tokens|Token \d of 8 is the first that differs/);
  });
}

test('plans and backends that wllama does not know are said to be impossible, and nothing is loaded', async ({
  page,
}) => {
  const asked = noteRequests(page);
  await page.goto(
    onCpu({
      ...{ '2.layers': '0_0_2_2_4_4_6_6', '3.model': 'fairy-llama', '3.layers': '0s_1_2_3_4_5_6_7' },
      ...{ '3.engine': 'wllama', '3.backend': 'cpu' },
    }),
  );
  const { column, run } = compareOf(page);
  await run();
  await expect(column(2)).toContainText('Impossible in wllama: layer 1 reads the keys and values of layer 0');
  await expect(column(3)).toContainText('Impossible in wllama: every layer of the models that it runs sees');
  await expect(column(1)).toContainText('Decode speed');
  expect(engineFilesOf(asked)).toEqual([]);
});

test('files of wllama that are missing or spoilt are told in words, and the page stays usable', async ({
  page,
}) => {
  await page.route('**/peer/**/*.wasm', (route) => route.abort());
  await page.goto(onCpu());
  const { column, run } = compareOf(page);
  await run();
  await expect(column(2)).toContainText('wllama did not run: its file wllama.wasm could not be loaded');
  await page.unroute('**/peer/**/*.wasm');
  const bytes = builtFiles().find(({ name }) => name.endsWith('.wasm'))?.bytes ?? 0;
  await page.route('**/peer/**/*.wasm', (route) => route.fulfill({ body: Buffer.alloc(bytes) }));
  await run();
  await expect(column(2)).toContainText('its file wllama.wasm could not be loaded (it is no WebAssembly)');
  await turnTo(page, 'Write');
  await openLab(page).generate.click();
  await expect(page.getByText(/^Done/)).toBeVisible();
});

test('an experiment of the laboratory times wllama too', async ({ page }) => {
  const vary = [{ engine: ['kvtab', 'wllama'] }];
  await page.goto(`./${peerExperimentLink({ ...peerExperiment, vary })}`);
  const panel = page.getByRole('region', { name: 'Laboratory', exact: true });
  await panel.getByRole('button', { name: 'Start experiment' }).click();
  const state = panel.getByRole('status', { name: 'Experiment', exact: true });
  await expect(state).toHaveText('Done: 4 items.', { timeout: 90_000 });
  await expect(panel.getByRole('list', { name: 'About rows' })).toContainText(
    /Row 2, engine wllama: wllama 3\..*f16 weights/,
  );
});

test.describe('with a service worker', () => {
  test.use({ serviceWorkers: 'allow' });

  test('wllama works offline after its first use', async ({ page }) => {
    const server = await serveFolder(dist, '/some/project/');
    await page.goto(`${server.url}#v=1&seed=1`); // a link loads no model
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    await page.reload();
    await page.goto(`${server.url}${onCpu().slice('./'.length)}`);
    const { column, run } = compareOf(page);
    await run();
    await expect(column(2)).toContainText('are those of kvtab.');
    await server.stop();
    await page.reload();
    await openLab(page).number('Max new tokens').fill('9');
    await run();
    await expect(column(2)).toContainText('Its 9 greedy tokens');
  });
});
