import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from 'playwright/test';
import { isolation } from '../../tools/setup/isolation.mjs';
import { serveFolder } from '../support/static-server.ts';
import { bringAxe } from './axe.ts';
import { chooseGreedy, generate, openLab, takePictures, visitOnCpu } from './lab.ts';

test.use({ serviceWorkers: 'allow' });

const dist = process.env['KVTAB_BUILT_SITE'] ?? fileURLToPath(new URL('../../dist/', import.meta.url));

const ready = (page: Page) =>
  expect(page.getByText('Ready.', { exact: true })).toBeVisible({ timeout: 60_000 });
const isIsolated = (page: Page) => page.evaluate(() => crossOriginIsolated);

/** What the page says where it has as many threads as it takes. */
async function allThreads(page: Page): Promise<RegExp> {
  const cores = await page.evaluate(() => navigator.hardwareConcurrency);
  const count = Math.min(8, cores);
  return count === 1 ? /, 1 thread$/ : new RegExp(`, ${count} threads$`);
}

async function greedyText(page: Page): Promise<string> {
  const lab = openLab(page);
  await chooseGreedy(lab);
  return generate(lab, 24);
}

test('a page that is isolated computes with a thread per core, and names how many', async ({ page }) => {
  const lab = await visitOnCpu(page);
  expect(await isIsolated(page)).toBe(true);
  await expect(lab.adapter).toContainText(await allThreads(page));
  // No helper is left when another model takes the place of this one.
  const threads = () => page.workers().length;
  const before = threads();
  await lab.select('Model').selectOption('fairy-llama');
  await ready(page);
  await expect(lab.adapter).toContainText(await allThreads(page));
  expect(threads()).toBe(before);
});

test('a host without headers gives one thread at first, all from the second visit on, and the same text', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  const server = await serveFolder(dist, '/some/project/');
  let loads = 0;
  page.on('load', () => loads++);
  await page.goto(server.url);
  await ready(page);
  const lab = openLab(page);
  expect(await isIsolated(page)).toBe(false);
  await expect(lab.adapter).toContainText(', 1 thread: this page is not isolated');
  const alone = await greedyText(page);
  await takePictures(lab, testInfo, 'not-isolated', { part: page.getByRole('region', { name: 'Figures' }) });
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  const kept = () => page.evaluate(async () => (await (await caches.open('kvtab-models')).keys()).length);
  await expect.poll(kept).toBeGreaterThan(2);
  // Nothing was reloaded unasked, and what runs goes on without threads.
  expect(loads).toBe(1);
  expect(await isIsolated(page)).toBe(false);

  await page.goto(server.url);
  await ready(page);
  expect(loads).toBe(2);
  expect(await isIsolated(page)).toBe(true);
  await expect(lab.adapter).toContainText(await allThreads(page));
  expect(await greedyText(page)).toBe(alone);

  await server.stop();
  await page.goto(server.url);
  await ready(page);
  expect(await isIsolated(page)).toBe(true);
  await expect(lab.adapter).toContainText(await allThreads(page));
  expect(await greedyText(page)).toBe(alone);
});

test('a page whose service worker is deleted says that a reload helps, which keeps what was written', async ({
  page,
}) => {
  const server = await serveFolder(dist, '/some/project/');
  await page.goto(server.url);
  await ready(page);
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await page.goto(server.url);
  await ready(page);
  expect(await isIsolated(page)).toBe(true);
  const devTools = await page.context().newCDPSession(page);
  const { origin } = new URL(server.url);
  await devTools.send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' });
  const lab = openLab(page);
  await lab.prompt.fill('Once there was a king');
  await lab.select('Model').selectOption('fairy-llama');
  const notice = page.getByRole('alert').filter({ hasText: 'A part of the page could not be fetched' });
  await expect(notice).toContainText('its data in this browser were deleted. Reload the page;');

  // What was edited a moment ago is still on its way into the address.
  await expect(page).toHaveURL(/prompt=Once\+there\+was\+a\+king/);

  await page.reload();
  await expect(lab.prompt).toHaveValue('Once there was a king');
  await expect(lab.select('Model')).toHaveValue('fairy-llama');
  await lab.generate.click();
  await expect(lab.output).not.toBeEmpty();
  await expect(lab.adapter).toContainText(', 1 thread: this page is not isolated');
  await expect(page.getByRole('alert').filter({ hasText: 'could not be fetched' })).toHaveCount(0);
  await server.stop();
});

test('a page whose helper does not start computes with one thread, and says why', async ({ page }) => {
  const server = await serveFolder(dist, '/', isolation);
  server.replace(`assets/${helperEntry()}`, () => 'throw new Error("it is broken");');
  await page.goto(server.url);
  await ready(page);
  expect(await isIsolated(page)).toBe(true);
  const lab = openLab(page);
  const cores = await page.evaluate(() => navigator.hardwareConcurrency);
  if (cores > 1)
    await expect(lab.adapter).toContainText(/, 1 thread: another one cannot run \(.*it is broken\)/);
  expect(await greedyText(page)).not.toBe('');
  await server.stop();
});

test('a helper that breaks while several texts are written ends the run, and the next one has one thread', async ({
  page,
}) => {
  const server = await serveFolder(dist, '/', isolation);
  server.replace(`assets/${helperEntry()}`, (script) => `${breaksAfter(8000)}${script}`);
  await page.goto(server.url);
  await ready(page);
  test.skip((await page.evaluate(() => navigator.hardwareConcurrency)) === 1, 'there are no helpers');
  const lab = openLab(page);
  await expect(lab.adapter).toContainText(await allThreads(page));
  await lab.number('Continuations').fill('4');
  await lab.number('Max new tokens').fill('4000');
  await lab.generate.click();
  const alert = page
    .getByRole('alert')
    .filter({ hasText: 'A thread of the processor stopped while it computed.' });
  // Parts that no helper takes in time are done by the first thread: on a busy machine it may get none.
  await expect(alert.or(page.getByText('Done: 4,000 tokens.', { exact: true }))).toBeVisible({
    timeout: 60_000,
  });
  test.skip((await alert.count()) === 0, 'the helper got too little of a core to break');
  await expect(alert).toContainText('Press Generate to load the model again.');
  const side = page.getByRole('region', { name: 'Side by side', exact: true });
  // What was written stays.
  const fourth = side.getByRole('listitem', { name: 'Continuation 4', exact: true });
  await expect(fourth.locator('.text')).not.toHaveText('');
  await expect(fourth).toContainText(/stopped after [1-9]\d* tokens?/);

  await lab.number('Max new tokens').fill('24');
  await lab.generate.click();
  await expect(page.getByText('Done: 24 tokens.', { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(alert).toHaveCount(0);
  await expect(lab.adapter).toContainText(
    ', 1 thread: another one cannot run (it stopped while it computed)',
  );
  await server.stop();
});

/** What makes the kernels of a helper throw after that many calls. */
const breaksAfter = (calls: number) => `
  const { Instance } = WebAssembly;
  WebAssembly.Instance = function (module, imports) {
    let left = ${calls};
    const breaking = ([name, kernel]) => [name, (...args) => {
      if (left-- <= 0) throw new Error('it is broken');
      return kernel(...args);
    }];
    return { exports: Object.fromEntries(Object.entries(new Instance(module, imports).exports).map(breaking)) };
  };
`;

/** The script that helpers begin with. */
function helperEntry(): string {
  const folder = join(dist, 'assets');
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const entry = readdirSync(folder)
    .filter((name) => name.startsWith('main-'))
    .find((name) => {
      const [, imported] = /from\s*"\.\/([^"]+\.js)"/.exec(read(name)) ?? [];
      return imported !== undefined && read(imported).includes('Atomics.compareExchange');
    });
  if (entry === undefined) throw new Error(`${folder} has no helper`);
  return entry;
}
