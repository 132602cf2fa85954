import { expect, test } from 'playwright/test';
import { generate, openLab, visit } from './lab.ts';

test('a download that fails is explained, and Generate tries again', async ({ page }) => {
  let broken = true;
  await page
    .context()
    .route('**/model.safetensors', (route) =>
      broken ? route.fulfill({ status: 503, body: '' }) : route.continue(),
    );
  await page.goto('./');
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('503');
  await expect(alert).toContainText('press Generate');

  const lab = openLab(page);
  await lab.prompt.fill('The wolf');
  await expect(lab.prompt).toHaveValue('The wolf');
  broken = false;
  expect(await generate(lab, 3)).not.toBe('');
  await expect(alert).toHaveCount(0);
});

test('the CPU can be chosen, is named as the CPU, and gives the same text as WebGPU', async ({ page }) => {
  const lab = await visit(page);
  await lab.number('Temperature').fill('0');
  const onGpu = await generate(lab, 8);
  await lab.select('Backend').selectOption('CPU');
  await expect(lab.adapter).toContainText('CPU', { timeout: 60_000 });
  expect(await generate(lab, 8)).toBe(onGpu);
});
