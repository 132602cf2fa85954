import { expect, test } from 'playwright/test';
import { generate, visit } from './lab.ts';

test('without WebGPU the page says so and writes on the CPU', async ({ page }) => {
  const lab = await visit(page);
  await expect(page.getByRole('alert')).toContainText('no WebGPU');
  await expect(page.getByRole('alert')).toContainText('CPU instead');
  await expect(lab.select('Backend')).toHaveValue('cpu');
  await expect(lab.adapter).toContainText('CPU');
  // WebAssembly runs in the worker: its own response allows that, not the page's policy.
  await expect(lab.adapter).toContainText('WebAssembly');
  expect(await generate(lab, 6)).not.toBe('');
  await expect(lab.kv).toContainText('KiB in use by the last run');

  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('choosing WebGPU again without an adapter falls back to the CPU again', async ({ page }) => {
  const lab = await visit(page);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await lab.select('Backend').selectOption('WebGPU');
  await expect(page.getByRole('alert')).toContainText('no WebGPU');
  await expect(lab.select('Backend')).toHaveValue('cpu');
});
