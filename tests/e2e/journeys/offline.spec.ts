import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from 'playwright/test';
import { serveFolder } from '../../support/static-server.ts';
import { finished } from '../lab.ts';
import { journey, type Person } from './person.ts';

test.use({ serviceWorkers: 'allow' });

const dist = process.env['KVTAB_BUILT_SITE'] ?? fileURLToPath(new URL('../../../dist/', import.meta.url));

/** Resolves when the service worker has stored the page, and the worker its model. */
async function stored(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  const kept = () =>
    page.evaluate(async () => (await (await caches.open('kvtab-models')).keys()).map(({ url }) => url));
  await expect.poll(kept).toContainEqual(expect.stringContaining('/models/fairy-lckv/model.safetensors'));
}

const ready = ({ page }: Person) =>
  expect(page.getByText('Ready.', { exact: true })).toBeVisible({ timeout: 60_000 });

journey(
  'after one visit, the page writes, edits plans and opens links without a network, from a sub-path',
  { sample: ['keyboard'], screen: 'any' },
  async (person) => {
    const { page, lab } = person;
    const server = await serveFolder(dist, '/some/project/');
    await page.goto(server.url);
    await ready(person);
    await stored(page);
    await server.stop();

    await page.reload();
    await ready(person);
    for (const panel of ['Sampling', 'KV sharing']) await person.unfold(panel);
    await person.fill(lab.number('Max new tokens'), '6');
    await person.press(lab.generate);
    await finished(lab);
    await expect(lab.output).not.toBeEmpty();
    await person.fill(lab.layerTypes, '0_1_2_3_4_5_6_7');
    await expect(lab.kv).toContainText('100 % of plain LLaMA');

    await page.goto(`${server.url}#v=1&seed=9&max=4`);
    await page.reload();
    await person.unfold('Sampling');
    await expect(lab.number('Seed')).toHaveValue('9');
    await person.press(lab.generate);
    await finished(lab);
    await expect(lab.output).not.toBeEmpty();
  },
);
