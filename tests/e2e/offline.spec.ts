import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from 'playwright/test';
import { finished, generate, openLab } from './lab.ts';
import { serveFolder } from '../support/static-server.ts';

test.use({ serviceWorkers: 'allow' });

const dist = process.env['KVTAB_BUILT_SITE'] ?? fileURLToPath(new URL('../../dist/', import.meta.url));

const ready = (page: Page) =>
  expect(page.getByText('Ready.', { exact: true })).toBeVisible({ timeout: 60_000 });

/** Resolves when the service worker has stored the page, and the worker its model. */
async function stored(page: Page, model = 'fairy-lckv'): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  const kept = () =>
    page.evaluate(async () => (await (await caches.open('kvtab-models')).keys()).map(({ url }) => url));
  await expect.poll(kept).toContainEqual(expect.stringContaining(`/models/${model}/model.safetensors`));
}

test('another shipped model works offline after its first use', async ({ page }) => {
  const server = await serveFolder(dist, '/some/project/');
  await page.goto(server.url);
  await ready(page);
  await stored(page);
  const lab = openLab(page);
  await lab.select('Model').selectOption('fairy-llama');
  await expect(lab.layerTypes).toHaveValue('0_1_2_3_4_5_6_7');
  await ready(page);
  await stored(page, 'fairy-llama');
  expect(server.asked.filter((path) => path.endsWith('.safetensors'))).toHaveLength(2);
  await server.stop();

  await page.goto(server.url);
  await page.reload();
  await ready(page);
  await lab.select('Model').selectOption('fairy-llama');
  await ready(page);
  expect(await generate(lab, 4)).not.toBe('');
});

test('a new version announces itself, waits for the run to end, and starts on request', async ({ page }) => {
  const server = await serveFolder(dist, '/');
  await page.goto(server.url);
  await ready(page);
  await stored(page);
  const lab = openLab(page);

  server.replace('sw.js', (script) => `${script}\n// another version`);
  await lab.number('Max new tokens').fill('60');
  await lab.generate.click();
  await page.evaluate(async () => {
    await (await navigator.serviceWorker.ready).update();
  });
  await expect(page.getByText('A new version of kvtab is here.')).toBeVisible();
  await finished(lab);
  await expect(lab.output).not.toBeEmpty();

  const reloaded = page.waitForEvent('load');
  await page.getByRole('button', { name: 'Reload now' }).click();
  await reloaded;
  // The address holds the settings, so the page opens like a link: with these settings, and without loading a model.
  await expect(page.getByText('No model is loaded yet.')).toBeVisible();
  await expect(lab.number('Max new tokens')).toHaveValue('60');
  await expect(page.getByText('A new version of kvtab is here.')).toHaveCount(0);
  await server.stop();
});

test('the page can be installed: manifest and icons are complete', async ({ page, request, baseURL }) => {
  await page.goto('./');
  const href = await page.locator('link[rel="manifest"]').getAttribute('href');
  const url = new URL(String(href), baseURL).href;
  const manifest = (await (await request.get(url)).json()) as {
    readonly name: string;
    readonly display: string;
    readonly start_url: string;
    readonly icons: readonly { readonly src: string; readonly sizes: string; readonly purpose?: string }[];
  };
  expect(manifest).toMatchObject({ display: 'standalone', start_url: './' });
  expect(manifest.icons.some(({ sizes }) => sizes === '192x192')).toBe(true);
  expect(manifest.icons.some(({ purpose }) => purpose === 'maskable')).toBe(true);
  for (const { src } of manifest.icons)
    expect((await request.get(new URL(src, url).href)).status()).toBe(200);
});
