/** A sceptic checks figures against each other: the same figure has to be the same everywhere. */
import { expect, test } from 'playwright/test';
import { generate, visit } from './lab.ts';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test('the same figure reads the same in figures, charts, runs, citation, family and print', async ({
  page,
}, testInfo) => {
  const lab = await visit(page);
  for (const seed of ['1', '2', '3']) {
    await lab.number('Seed').fill(seed);
    await generate(lab, 24);
  }
  const last = 'Once upon a time there was a king who';

  // Speeds: the median of three runs, with their range.
  const runs = page.getByRole('region', { name: 'Runs', exact: true });
  const rows = runs.getByRole('row', { name: /fairy/ });
  await expect(rows).toHaveCount(3);
  await expect(lab.decodeSpeed).toContainText(/^\d+ tokens\/s (\d+(–\d+)?), 3 runs; last run, 24 new$/);
  const speeds: number[] = [];
  for (const row of await rows.all()) speeds.push(Number(await row.getByRole('cell').nth(3).innerText()));
  const [least = '', median = '', most = ''] = speeds.sort((a, b) => a - b).map(String);
  const range = least === most ? least : `${least}–${most}`;
  await expect(lab.decodeSpeed).toContainText(`${median} tokens/s ${range}, 3 runs`);
  await page.getByRole('button', { name: 'Cite this run' }).click();
  await expect(page.getByText('Citation copied.')).toBeVisible();
  const citation = await page.evaluate(() => navigator.clipboard.readText());
  expect(citation).toContain(`(median of 3 runs of this set-up ${median}, ${range})`);

  // Memory: figures, chart, runs and citation.
  const charts = page.getByRole('region', { name: 'Charts', exact: true });
  await charts.locator('summary').first().click();
  const said = await charts.getByRole('img', { name: /^KV bytes in use\./ }).getAttribute('aria-label');
  const [, inUse = 'nothing'] = /in use\. ([\d.]+ KiB) after/.exec(said ?? '') ?? [];
  await expect(lab.kv).toContainText(`${inUse} in use`);
  await expect(rows.first()).toContainText(inUse);
  expect(citation).toContain(`KV cache: ${inUse} in use, 768 B per token`);

  // Quality: where a model is chosen, and on the curve.
  const family = page.getByRole('region', { name: 'Family', exact: true });
  await family.locator('summary').first().click();
  await family.getByRole('radio', { name: /^fairy-llama: / }).check();
  const name = await family.getByRole('radio', { checked: true }).getAttribute('aria-label');
  const [, bits = 'nothing'] = /([\d.]+) bits per byte/.exec(name ?? '') ?? [];
  expect(bits).toBe('1.445');
  await expect(page.getByRole('group', { name: 'Model', exact: true })).toContainText(bits);

  // Paper: the prompt, the figures, the text, the plan and the link of the run.
  const text = (await lab.output.textContent()) ?? '';
  await page.emulateMedia({ media: 'print' });
  const head = page.getByRole('region', { name: 'Printed run', exact: true });
  await expect(head).toContainText(`Prompt: ${last}`);
  await page.screenshot({ path: testInfo.outputPath('print.png'), fullPage: true });
  for (const part of [lab.output, lab.kv, lab.decodeSpeed]) await expect(part).toBeVisible();
  expect(text).not.toBe('');
  await expect(head.getByText(/#v=1&model=fairy-lckv&.*&seed=3&build=/)).toBeVisible();
});
