import { expect, test } from 'playwright/test';
import { generate, visit } from './lab.ts';

test('the CPU can be chosen, is named as the CPU, and gives the same text as WebGPU', async ({ page }) => {
  const lab = await visit(page);
  await lab.number('Temperature').fill('0');
  const onGpu = await generate(lab, 8);
  await lab.select('Backend').selectOption('CPU');
  await expect(lab.adapter).toContainText('CPU', { timeout: 60_000 });
  expect(await generate(lab, 8)).toBe(onGpu);
});
