import { expect, test } from 'playwright/test';
import { finished, visit } from './lab.ts';

test('a student takes the tour, writes, shares fewer layers, and sees what that saves', async ({ page }) => {
  const lab = await visit(page);
  await page.getByRole('button', { name: 'Take the tour, five steps' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('press Generate');
  // The page stays usable during the tour.
  await lab.number('Max new tokens').fill('12');
  await lab.generate.click();
  await expect(lab.output).not.toBeEmpty();
  await finished(lab);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(page.getByText(/^Done: 12 tokens/), 'Escape ended the tour, not the run').toBeVisible();

  await expect(lab.kv).toContainText('37.5 % of plain LLaMA');
  await expect(lab.kv).toContainText('in use by the last run');
  await page.getByRole('button', { name: 'What is “KV cache”?' }).click();
  await expect(page.getByRole('dialog')).toContainText('Layers that share read another layer’s');
  await page.keyboard.press('Escape');

  await lab.select('Preset').selectOption('llama');
  await expect(lab.kv).toContainText('100 % of plain LLaMA');
  await expect(lab.kv, 'while its weights load').not.toContainText('correct the layer types');
  await lab.generate.click();
  await expect(page.getByText(/^Done/)).toBeVisible();
  const runs = page.getByRole('region', { name: 'Runs', exact: true });
  await expect(runs.getByText('0_6_6_6_6_6_6_7', { exact: true })).toBeVisible();
  await expect(runs.getByText('0_1_2_3_4_5_6_7', { exact: true })).toBeVisible();
});
