import { readFileSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { generate, takePictures, visit } from './lab.ts';

test.beforeEach(({ page }) => bringAxe(page));

test('runs are listed, named, pinned, sorted and deleted, and survive a reload', async ({
  page,
}, testInfo) => {
  const lab = await visit(page);
  await lab.prompt.fill('=SUM(1) <b>bold</b>');
  await generate(lab, 4);
  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await generate(lab, 6);

  const runs = page.getByRole('region', { name: 'Runs', exact: true });
  const rows = runs.getByRole('row', { name: /fairy/ });
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText('0_1_2_3_4_5_6_7');
  await expect(rows.first()).toContainText('2 KiB');
  await runs.getByRole('button', { name: 'KV / token' }).click();
  await expect(runs.getByRole('columnheader', { name: /KV \/ token/ })).toHaveAttribute(
    'aria-sort',
    'descending',
  );
  await runs.getByRole('button', { name: 'KV / token' }).click();
  await expect(rows.first()).toContainText('0_6_6_6_6_6_6_7');

  await runs.getByText('Name and text of 0_1_2').click();
  await runs.getByLabel('Name', { exact: true }).last().fill('=plain');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await runs.getByRole('button', { name: 'Pin =plain' }).click();
  await expect(rows.first()).toContainText('=plain');

  const csv = page.waitForEvent('download');
  await runs.getByRole('button', { name: 'Export CSV' }).click();
  const text = readFileSync(await (await csv).path(), 'utf8');
  expect(text.split('\r\n')).toHaveLength(4);
  expect(text).toContain("'=plain");
  expect(text).toContain("'=SUM(1) <b>bold</b>");
  expect(text).not.toMatch(/(^|,)"?=/m);

  await page.reload();
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText('=plain');
  await expect(runs.locator('b')).toHaveCount(0);
  await takePictures(lab, testInfo, 'runs');

  await runs.getByRole('link', { name: /^Open 0_6/ }).click();
  await expect(lab.prompt).toHaveValue('=SUM(1) <b>bold</b>');
  await expect(lab.layerTypes).toHaveValue('0_6_6_6_6_6_6_7');
  await runs.getByRole('button', { name: /^Delete 0_6/ }).focus();
  await page.keyboard.press('Enter');
  await expect(rows).toHaveCount(1);
  await expect(runs.getByRole('button', { name: 'Undo deleting' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(rows).toHaveCount(2);
  await runs.getByRole('button', { name: /^Delete 0_6/ }).click();
  await expect(rows).toHaveCount(1);
  await page.reload();
  await expect(rows).toHaveCount(1);
});
