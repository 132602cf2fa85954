import { expect, test } from 'playwright/test';
import { columnOf, openAttention as openPanel } from './attention-panel.ts';
import { generate, visit } from './lab.ts';

test('reads on WebGPU what it reads on the CPU', async ({ page }) => {
  const lab = await visit(page);
  await lab.prompt.fill('Once upon a time there was a king who had a son');
  await generate(lab, 3);
  const part = await openPanel(page);
  await part.getByRole('button', { name: 'Show what the last token reads' }).click();
  await part.getByText('As a table', { exact: false }).click();
  const onGpu = await columnOf(part, 'Layer 3 (reads layer 6)');

  // Another backend may look at the same run, too.
  await lab.select('Backend').selectOption('CPU');
  await expect(lab.adapter).toContainText('WebAssembly');
  await part.getByRole('option').nth(3).click();
  await expect(part.getByRole('option', { selected: true })).toHaveAttribute('aria-label', /^Token 3: /);
  // What was found before is kept, so the panel is opened afresh.
  await part.locator('summary').first().click();
  await part.locator('summary').first().click();
  await part.getByRole('button', { name: 'Show what the last token reads' }).click();
  await part.getByText('As a table', { exact: false }).click();
  const cpu = await columnOf(part, 'Layer 3 (reads layer 6)');
  expect(cpu).toHaveLength(onGpu.length);
  for (const [i, cell] of cpu.entries()) {
    if (cell.endsWith('%')) expect(Math.abs(parseFloat(cell) - parseFloat(onGpu[i] ?? ''))).toBeLessThan(0.3);
    else expect(cell).toBe(onGpu[i]);
  }
});
