import { readFileSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { takePictures, turnTo, visit } from './lab.ts';

test('times batches of two plans, says why no more fit, keeps what Stop left, and exports it', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  const lab = await visit(page);
  const part = page.getByRole('region', { name: 'Throughput', exact: true });
  await turnTo(page, 'Throughput');
  await expect(page).toHaveURL(/#v=1&tab=throughput$/);
  const plans = part.getByRole('group', { name: 'Plans' });
  await expect(plans.getByRole('checkbox', { checked: true })).toHaveCount(7);
  for (const name of ['CLA', 'YOCO', 'MixAttention, pairs', 'Sandwich, middle', 'LCKV, warm-up layers 4']) {
    await plans.getByRole('checkbox', { name, exact: true }).uncheck();
  }
  await part.getByRole('spinbutton', { name: 'New tokens' }).fill('0');
  await expect(part).toContainText('Enter a whole number from 1 to 65,536.');
  await part.getByRole('spinbutton', { name: 'New tokens' }).fill('4');
  await part.getByRole('spinbutton', { name: 'Memory budget, MiB' }).fill('8');
  await part.getByRole('combobox', { name: 'Time at most' }).selectOption('8');

  await part.getByRole('button', { name: 'Estimate the time' }).click();
  await expect(part.getByRole('status', { name: 'Estimate the time' })).toHaveText(
    /^At most \d+ (s|min)\. Fit at once: Plain LLaMA \d+; LCKV \d+\.$/,
    { timeout: 60_000 },
  );
  const standing = part.getByRole('status', { name: 'Timing', exact: true });
  await part.getByRole('button', { name: 'Time batches' }).focus();
  await page.keyboard.press('Enter');
  await expect(standing).toHaveText('Done: 24 timings.', { timeout: 60_000 });
  const of = (name: string) => part.getByRole('listitem', { name, exact: true });
  const fits = async (name: string) =>
    Number.parseInt((await of(name).locator('.fits').textContent()) ?? '', 10);
  expect(await fits('LCKV')).toBeGreaterThan(await fits('Plain LLaMA'));
  await expect(of('LCKV')).toContainText(/KV \S+ KiB.*One more text would pass the budget by/);
  await expect(of('LCKV')).toContainText(/8 texts at once.*tokens\/s.*, 3 rounds/);
  await expect(of('LCKV')).toContainText(/Plain LLaMA in the same memory, with 8 of the \d+ texts that fit/);
  await expect(part.getByRole('img', { name: /^Throughput against batch/ })).toBeVisible();
  await expect(part.getByRole('img', { name: /^Bytes at the largest batch/ })).toBeVisible();
  await part.getByText('As ratios, beside LCKV’s table 1').click();
  await expect(part.getByRole('row', { name: /^Here: LCKV against Plain LLaMA/ })).toBeVisible();
  await takePictures(lab, testInfo, 'throughput', { part });

  const saved = page.waitForEvent('download');
  await part.getByRole('button', { name: 'Export throughput as CSV' }).click();
  const csv = await saved;
  expect(csv.suggestedFilename()).toBe('kvtab-throughput-Plain-LLaMA-LCKV.csv');
  expect(
    readFileSync(await csv.path(), 'utf8')
      .trim()
      .split('\r\n'),
  ).toHaveLength(1 + 2 * 4);
  for (const format of ['SVG', 'PNG']) {
    const picture = page.waitForEvent('download');
    await part.getByRole('button', { name: `Save “Throughput against batch” as ${format}` }).click();
    expect((await picture).suggestedFilename()).toMatch(/^kvtab-throughput-Plain-LLaMA-LCKV\.(svg|png)$/);
  }

  await page.reload();
  await expect(standing).toHaveText('Done: 24 timings.');
  await expect(of('LCKV')).toContainText('tokens/s');

  // A budget without room says so, and Stop keeps what was timed.
  await part.getByRole('combobox', { name: 'Rounds' }).selectOption('9');
  await part.getByRole('button', { name: 'Time batches' }).click();
  await expect(standing).toHaveText(/^[1-9]\d* of \d+ timed · /, { timeout: 60_000 });
  await part.getByRole('button', { name: 'Stop timing' }).click();
  await expect(standing).toHaveText(/^Stopped\. What was timed stays: [1-9]\d* timings?\.$/);
  await page.reload();
  await expect(standing).toHaveText(/^Stopped\. What was timed stays: [1-9]\d* timings?\.$/);
  await part.getByRole('spinbutton', { name: 'Memory budget, MiB' }).fill('1');
  await part.getByRole('button', { name: 'Time batches' }).click();
  await expect(standing).toHaveText('Nothing was timed: no plan has room for one text.');
  await expect(part).toContainText('There is no room for one text: the weights take');
  // The page's own model is loaded again, and runs.
  await turnTo(page, 'Write');
  await lab.generate.click();
  await expect(page.getByText(/^Done/).first()).toBeVisible();
});
