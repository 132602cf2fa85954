import { expect, test } from 'playwright/test';
import { generate, openLab } from './lab.ts';

test('a download that fails is explained, and Generate tries again', async ({ page }) => {
  let broken = true;
  await page
    .context()
    .route('**/model.safetensors', (route) =>
      broken ? route.fulfill({ status: 503, body: '' }) : route.continue(),
    );
  await page.goto('./');
  const alert = page.getByRole('alert').filter({ hasText: 'model.safetensors' });
  await expect(alert).toContainText('503');
  await expect(alert).toContainText('press Generate');

  const lab = openLab(page);
  await lab.prompt.fill('The wolf');
  await expect(lab.prompt).toHaveValue('The wolf');
  broken = false;
  expect(await generate(lab, 3)).not.toBe('');
  await expect(alert).toHaveCount(0);
});

test('a truncated weights file is refused by name, and a complete one loads afterwards', async ({ page }) => {
  let broken = true;
  await page.context().route('**/model.safetensors', async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    await route.fulfill({ response, body: broken ? body.subarray(0, body.length / 2) : body });
  });
  await page.goto('./');
  const alert = page.getByRole('alert').filter({ hasText: 'model.safetensors' });
  await expect(alert).toBeVisible({ timeout: 60_000 });
  await expect(alert).toContainText(/Choose another model|press Generate/i);
  broken = false;
  expect(await generate(openLab(page), 3)).not.toBe('');
  await expect(alert).toHaveCount(0);
});
