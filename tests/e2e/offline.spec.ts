import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { finished, generate, openLab, startLongRun, takePictures } from './lab.ts';
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

/** Serves the page below a path, and visits it until everything that it needs offline is stored. */
async function serveStored(page: Page, path: string): ReturnType<typeof serveFolder> {
  const server = await serveFolder(dist, path);
  await page.goto(server.url);
  await ready(page);
  await stored(page);
  return server;
}

test('another shipped model works offline after its first use', async ({ page }) => {
  const server = await serveStored(page, '/some/project/');
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
  // One that was not kept: the message says how all could have been.
  await lab.select('Model').selectOption('fairy-yoco');
  await expect(page.getByRole('alert').filter({ hasText: 'fairy-yoco/config.json' })).toContainText(
    'press “Keep all seven”, under “Models of this page”',
  );
});

test('a wrong address is named as one after a visit too, and a query opens the page offline', async ({
  page,
}) => {
  const server = await serveStored(page, '/some/project/');
  await page.goto(`${server.url}wrong`);
  await expect(page.getByRole('heading', { name: 'There is no such page here' })).toBeVisible();
  await page.getByRole('link', { name: 'Open kvtab' }).click();
  await expect(page).toHaveURL(new RegExp(`^${server.url}(#|$)`));
  await ready(page);
  await server.stop();
  await page.goto(`${server.url}?from=mail`);
  await ready(page);
});

test('Keep all stores every shipped model, says how far it is, and then all of them open offline', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  const server = await serveFolder(dist, '/some/project/');
  await page.goto(server.url);
  const models = page.getByRole('region', { name: 'Models of this page', exact: true });
  const marks = (text: string) => models.getByRole('listitem').filter({ hasText: text });
  const keep = models.getByRole('button', { name: /^Keep all seven/ });
  const status = models.getByRole('status', { name: 'Keeping for offline use', exact: true });
  await ready(page);
  await stored(page);
  // The model that has been loaded is kept already, all but its kernels.
  await expect(marks('Works offline')).toHaveCount(1);
  await expect(marks('Works offline')).toContainText('LCKV, fairy tales, 3.4M');
  await expect(keep).toHaveText(/^Keep all seven \(4\d\.\d MiB\)$/);

  // The third in turn, so that Stop comes while one is on its way.
  let held = true;
  await page.context().route('**/models/fairy-lckv-4/model.safetensors', async (route) => {
    while (held) await new Promise((go) => setTimeout(go, 50));
    await route.continue();
  });
  await keep.press('Enter');
  await expect(status).toContainText(/Keeping: .* of 4\d\.\d MiB/);
  await expect(page.getByRole('progressbar', { name: 'Download beside the run' })).toBeVisible();
  await expect(marks('Works offline').nth(1)).toBeVisible();
  await models.getByRole('button', { name: 'Stop keeping' }).click();
  await expect(status).toContainText('Stopped. What was kept stays');
  held = false;
  const before = await marks('Works offline').count();
  expect(before).toBeGreaterThan(1);
  expect(before).toBeLessThan(7);

  await keep.click();
  await expect(status).toContainText('All seven are kept on this device.');
  await expect(marks('Works offline')).toHaveCount(7);
  // Stop may have cut the held one off when it was asked for already. Nothing else is fetched twice.
  const asked = server.asked.filter((path) => path.endsWith('/model.safetensors'));
  const twice = asked.filter((path, i) => asked.indexOf(path) < i);
  expect(new Set(asked).size).toBe(7);
  expect(twice.filter((path) => !path.includes('fairy-lckv-4'))).toEqual([]);
  await expect(keep).toHaveAttribute('aria-disabled', 'true');
  await takePictures(openLab(page), testInfo, 'kept', { part: models, unfolded: true });

  await server.stop();
  await page.reload();
  await ready(page);
  const lab = openLab(page);
  await expect(marks('Works offline')).toHaveCount(7);
  for (const id of ['fairy-yoco', 'fairy-sandwich']) {
    await lab.select('Model').selectOption(id);
    await ready(page);
  }
  expect(await generate(lab, 4)).not.toBe('');
});

test('without a service worker nothing is said to work offline, and the page says why', async ({
  browser,
}) => {
  const server = await serveFolder(dist, '/');
  const context = await browser.newContext({ serviceWorkers: 'block' });
  const page = await context.newPage();
  await page.goto(server.url);
  await ready(page);
  const models = page.getByRole('region', { name: 'Models of this page', exact: true });
  await expect(models.getByText('Needs the network')).toHaveCount(7);
  await expect(models).toContainText('The page itself is not kept on this device');
  await expect(models.getByRole('button')).toHaveAttribute('aria-disabled', 'true');
  await context.close();
  await server.stop();
});

test('a server that fails while models are kept is named, and what was kept stays', async ({ page }) => {
  const server = await serveStored(page, '/');
  const models = page.getByRole('region', { name: 'Models of this page', exact: true });
  await expect(models.getByText('Works offline')).toHaveCount(1);
  await server.stop();
  await models.getByRole('button', { name: /^Keep all seven/ }).click();
  await expect(models.getByRole('status')).toContainText(/less-h2o-12\.safetensors.*What was kept stays/);
  await expect(models.getByText('Works offline')).toHaveCount(1);
});

test('a new version announces itself, waits for the run to end, and starts on request', async ({ page }) => {
  const server = await serveStored(page, '/');
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

for (const opened of ['before', 'while'] as const) {
  test(`a page opened ${opened} a new version waits says that another tab started it, lets its run end, and reloads`, async ({
    context,
    page,
  }) => {
    const server = await serveStored(page, '/');
    server.replace('sw.js', (script) => `${script}\n// another version`);
    await page.evaluate(async () => {
      await (await navigator.serviceWorker.ready).update();
    });
    const news = (tab: Page) =>
      tab.getByRole('paragraph').filter({ hasText: 'A new version of kvtab is here.' });
    await expect(news(page)).toContainText('your next visit');
    if (opened === 'while') {
      await page.reload();
      await expect(news(page)).toContainText('your next visit');
    }
    const other = await context.newPage();
    await other.goto(server.url);
    await expect(news(other)).toBeVisible({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Later' }).click();
    const lab = openLab(page);
    // Long enough to be there when the other tab reloads, and short enough to wait for its end.
    await startLongRun(lab, 4000);

    await other.getByRole('button', { name: 'Reload now' }).click();
    await expect(news(page)).toContainText('Another tab has started it');
    const soFar = (await lab.output.textContent())?.length ?? 0;
    await expect.poll(async () => (await lab.output.textContent())?.length).toBeGreaterThan(soFar);
    await expect(page.getByRole('button', { name: 'Reload after this run' })).toBeVisible();
    await finished(lab);
    const reloaded = page.waitForEvent('load');
    await page.getByRole('button', { name: 'Reload now' }).click();
    await reloaded;
    await expect(lab.number('Max new tokens')).toHaveValue('4000');
    await expect(news(other)).toHaveCount(0);
    await expect(news(page)).toHaveCount(0);
    await server.stop();
  });
}

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
