import { expect, test } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { takePictures, visitOnCpu } from './lab.ts';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test.beforeEach(({ page }) => bringAxe(page));

test('a plan is healed, stopped, continued after a reload, kept, and taken back', async ({
  page,
}, testInfo) => {
  const lab = await visitOnCpu(page);
  await lab.layerTypes.fill('0_3_3_3_3_3_3_7');
  const part = page.getByRole('region', { name: 'Heal', exact: true });
  const button = (name: string) => part.getByRole('button', { name, exact: true });
  const standing = part.getByRole('status', { name: 'Healing', exact: true });
  await part.locator('summary').first().click();
  await expect(part.getByText(/^Memory: .* MiB \(weights/)).toBeVisible();
  await button('Heal').click();
  await expect(standing).toContainText(/step [1-9]\d* of 100/, { timeout: 90_000 });
  await expect(part.getByText('What it writes before')).toBeVisible();
  await button('Stop').click();
  await expect(standing).toContainText(/Stopped after step \d+ of 100/, { timeout: 60_000 });
  const step = Number(/step (\d+)/.exec((await standing.textContent()) ?? '')?.[1]);

  await page.reload();
  await part.locator('summary').first().click();
  await expect(standing).toHaveText(
    `A healing of fairy-lckv under 0_3_3_3_3_3_3_7 can continue after step ${step} of 100.`,
  );
  await button('Continue').click();
  await expect(standing).toContainText(new RegExp(`step ${step + 1} of 100`), { timeout: 90_000 });
  await button('Stop').click();
  await expect(standing).toContainText(/Stopped after step \d+ of 100/, { timeout: 60_000 });
  await expect(part.getByRole('img', { name: /^Held-out bits per byte/ })).toBeVisible();
  await button('Copy link to this healing').click();
  await expect(part.getByText('Link copied.')).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toMatch(/layers=0_3_3_3_3_3_3_7.*&heal=projections-100$/);
  await takePictures(lab, testInfo, 'heal', { part });

  await button('Keep the healed model').click();
  await expect(part.getByText(/is among the stored models/)).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await expect(lab.layerTypes).toHaveValue('0_3_3_3_3_3_3_7');
  await expect(page.getByText(/, healed on this device, stored /)).toBeVisible();
  await button('Undo').click();
  await expect(standing).toHaveText('Nothing is being healed.');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await expect(lab.select('Model')).toHaveValue('fairy-lckv');
  await expect(lab.layerTypes).toHaveValue('0_3_3_3_3_3_3_7');
});
