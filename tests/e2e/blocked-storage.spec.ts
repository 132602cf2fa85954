import { expect, test, type BrowserContext, type Page } from 'playwright/test';
import { fairyRepository } from '../support/hub-model.ts';
import { startHub } from '../support/hub-server.ts';
import { peerExperimentLink } from '../support/peer-experiment.ts';
import { turnTo, visit } from './lab.ts';

/** Another tab asks to delete the data, and a third one does not let go: the browser answers nobody who opens them. */
async function blockStorage(context: BrowserContext): Promise<Page> {
  const holder = await context.newPage();
  await holder.goto('./icon.svg');
  await holder.evaluate(async () => {
    const opening = indexedDB.open('kvtab');
    opening.onupgradeneeded = () => opening.result.createObjectStore('values');
    await new Promise((resolve) => (opening.onsuccess = resolve));
    indexedDB.deleteDatabase('kvtab');
    Object.assign(window, { held: opening.result });
  });
  return holder;
}

test('while another tab holds the data back, the page says so, and loads, heals and measures without them', async ({
  page,
  context,
}) => {
  const holder = await blockStorage(context);
  const server = await startHub({ 'fairies/tales': fairyRepository(2 ** 20) });
  // Not visitOnCpu: on a busy machine, the notice below may come while it expects none.
  const lab = await visit(page);
  const ready = page.getByText('Ready.', { exact: true });
  const notice = page.getByRole('alert').filter({ hasText: 'Another tab of this page does not let go' });
  await expect(notice).toContainText('Close the other tabs, then reload this page.');

  await page.getByRole('textbox', { name: 'Endpoint', exact: true }).fill(server.endpoint);
  await page.getByRole('textbox', { name: 'Repository', exact: true }).fill('fairies/tales');
  await page.getByRole('button', { name: 'Load model', exact: true }).click();
  await expect(page.getByRole('status', { name: 'Download', exact: true })).toContainText(
    'Nothing can be stored on this device now (another tab of this page does not let go of its data',
  );
  await page.getByRole('button', { name: 'Load without storing' }).click();
  await expect(lab.select('Model')).toHaveValue('fairies/tales');
  await expect.poll(() => server.served.map(({ file }) => file)).toContain('model.safetensors');
  await expect(ready).toBeVisible();
  await lab.select('Model').selectOption('fairy-lckv');
  await expect(ready).toBeVisible();

  await lab.layerTypes.fill('0_3_3_3_3_3_3_7');
  const heal = page.getByRole('region', { name: 'Heal', exact: true });
  await heal.locator('summary').first().click();
  await heal.getByRole('button', { name: 'Heal', exact: true }).click();
  const healing = heal.getByRole('status', { name: 'Healing', exact: true });
  await expect(healing).toContainText(/step [1-9]\d* of 100/, { timeout: 90_000 });
  await heal.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect(healing).toContainText('Stopped after step');

  await page.evaluate((link) => (location.hash = link), peerExperimentLink());
  const laboratory = page.getByRole('region', { name: 'Laboratory', exact: true });
  const state = laboratory.getByRole('status', { name: 'Experiment', exact: true });
  await expect(state).toHaveText('Not started: 4 rows, 8 items.');
  await laboratory.getByRole('button', { name: 'Start experiment' }).click();
  await expect(state).toHaveText(/^[1-8] of 8 items|^Done/, { timeout: 60_000 });
  await expect(laboratory).toContainText('results end with this visit');

  // The other tab is closed: a reload is enough.
  await holder.close();
  await page.reload();
  await turnTo(page, 'Write');
  await page.getByRole('textbox', { name: 'Endpoint', exact: true }).fill(server.endpoint);
  await page.getByRole('textbox', { name: 'Repository', exact: true }).fill('fairies/tales');
  await page.getByRole('button', { name: 'Load model', exact: true }).click();
  await expect(page.getByRole('status', { name: 'Download', exact: true })).toContainText(
    'is stored and verified',
  );
  await expect(notice).toHaveCount(0);
  await server.stop();
});
