import { expect, test } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { finished, openLab, takePictures, turnTo, visit, visitUnloaded } from './lab.ts';

test.beforeEach(({ page }) => bringAxe(page));

test('the keyboard moves along the curve of the family, and the chosen model writes', async ({
  page,
}, testInfo) => {
  const lab = await visit(page);
  const part = page.getByRole('region', { name: 'Family', exact: true });
  await turnTo(page, 'Compare');
  const models = part.getByRole('radio');
  await expect(models).toHaveCount(7);
  const chosen = part.getByRole('radio', { checked: true });
  await expect(chosen).toHaveAccessibleName(/^fairy-lckv: 384 KiB of KV, 1\.\d{3} bits per byte$/);
  await expect(part.getByText(/^fairy-lckv keeps 37\.5 % of plain LLaMA’s KV/)).toBeVisible();

  await expect(part.getByText('dashed: with LESS')).toBeVisible();
  await expect(
    part.getByText(/^fairy-lckv: Λ mask.*, 12 rows: 9\.56 KiB, 1\.594 bits; with LESS/),
  ).toBeVisible();

  const last = part.getByRole('radio', { name: /^fairy-llama: 1 MiB/ });
  await last.click();
  await expect(lab.select('Model')).toHaveValue('fairy-llama');
  await expect(part.getByText('the others are compared with it')).toBeVisible();
  await page.keyboard.press('ArrowLeft');
  await expect(lab.select('Model')).toHaveValue('fairy-lckv-4');
  await expect(lab.layerTypes).toHaveValue('0_1_5_5_5_5_6_7');
  await page.keyboard.press('ArrowLeft');
  await expect(lab.select('Model')).toHaveValue('fairy-cla');
  await expect(last).toBeVisible();

  await turnTo(page, 'Write');
  await lab.number('Max new tokens').fill('4');
  await lab.generate.click();
  await finished(lab);
  await expect(lab.output).not.toBeEmpty();
  await turnTo(page, 'Compare');

  await part
    .getByText(/^As a table/)
    .first()
    .click();
  await expect(part.getByRole('row', { name: /fairy-yoco/ }).first()).toContainText(
    '18.8 % at 512 tokens · 62.5 % per new token',
  );
  // A sceptic finds the same number in the headline, among the layers and in Compare.
  await part.getByRole('radio', { name: /^fairy-yoco: / }).click();
  const number = '18.8 % at 512 tokens · 62.5 % per new token';
  await expect(lab.layerTypes).toHaveAccessibleDescription(
    new RegExp(number.replaceAll(' ', String.raw`\s`)),
  );
  await expect(page.getByRole('region', { name: 'Before it runs' })).toContainText(number);
  await expect(part.getByText(/^fairy-yoco keeps 18\.8 % at 512 tokens/)).toBeVisible();
  const compare = page.getByRole('region', { name: 'Compare', exact: true });
  await compare.getByRole('button', { name: 'Add current settings' }).click();
  await expect(compare.getByRole('listitem', { name: 'Configuration 1' })).toContainText(number);
  await takePictures(lab, testInfo, 'family', { part });
  await turnTo(page, 'Write');
  await expect(lab.kv).toContainText(number.replace('%', '% of plain LLaMA'));
});

test('one button runs the whole family, and names check what stands beside each other', async ({ page }) => {
  // A link that only names a tab loads the model as a first visit does.
  await page.goto('./#v=1&tab=compare');
  await expect(page.getByRole('tab', { name: 'Compare' })).toHaveAttribute('aria-selected', 'true');
  const lab = openLab(page);
  await lab.number('Max new tokens').fill('4');
  const compare = page.getByRole('region', { name: 'Compare', exact: true });
  await compare.getByRole('combobox', { name: 'Rounds' }).selectOption('1');
  // Before the page knows that there is no WebGPU.
  await compare.getByRole('button', { name: 'Run the whole family' }).click();
  const bars = compare.getByRole('img', { name: /^Configurations compared: Plain LLaMA; LCKV; / });
  await expect(bars).toContainText('Bits per byte', { timeout: 60_000 });
  await expect(bars).toContainText('1.445');
  await expect(compare.getByRole('listitem')).toHaveCount(7);
  const plans = compare.getByRole('group', { name: 'Plans' });
  await plans.getByRole('checkbox', { name: 'CLA', exact: true }).uncheck();
  await expect(compare.getByRole('listitem')).toHaveCount(6);
  await compare
    .getByRole('group', { name: /policies/ })
    .getByRole('checkbox', { name: 'TOVA' })
    .check();
  await expect(compare.getByRole('listitem', { name: 'Configuration 7' })).toContainText('LCKV, TOVA');
});

test('a plan is scaled to a large model while it is edited', async ({ page }, testInfo) => {
  const lab = await visitUnloaded(page);
  const part = page.getByRole('region', { name: 'Why it matters', exact: true });
  await part.locator('summary').first().click();
  await expect(part.getByText('so 11 users instead of 4')).toBeVisible();
  await expect(part.getByText('80 layers, of which 3 would store KV: 384 MiB')).toBeVisible();
  await part.getByText('All three models').click();
  await expect(part.getByRole('row', { name: /1B This plan 37\.5 % 384 MiB/ })).toBeVisible();
  await takePictures(lab, testInfo, 'scale', { part });

  await lab.layerTypes.fill('0_0_2_2_2_5_5_7');
  await expect(part.getByText('With this plan’s 50 %: 5 GiB, so 8 users instead of 4.')).toBeVisible();
  await expect(part.getByText('would store KV')).toHaveCount(0);
  await part.getByRole('combobox', { name: 'Its weights' }).selectOption('16 bits');
  await expect(part.getByText(/^70B.*weights of 70B alone take 132 GiB\. Choose fewer bits/)).toBeVisible();
  await part.getByRole('spinbutton', { name: 'Context (tokens)' }).fill('0');
  await expect(part.getByText('Enter a whole number from 1 to 10,000,000.')).toBeVisible();
  await part.getByRole('spinbutton', { name: 'Context (tokens)' }).fill('1024');
  await lab.layerTypes.fill('0_9');
  await expect(part.getByText('The plan has a mistake.')).toBeVisible();
});
