import { expect, test } from 'playwright/test';
import { formatNats } from '../../web/ui/divergence-words.ts';
import { formatMovement, passSummaries } from '../../web/panels/convergence/pass-summaries.ts';
import { bringAxe } from './axe.ts';
import { headless } from './headless-answer.ts';
import { takePictures, visit } from './lab.ts';

interface Answer {
  readonly convergence: {
    readonly groups: readonly { readonly passes: number; readonly relative: readonly number[] }[];
    readonly divergence: { readonly kl: readonly number[] };
  };
}

const prompt = 'Once upon a time there was a king who had a son';

test.beforeEach(({ page }) => bringAxe(page));

test('the heat map shows the values of the headless runner, and can be read by keyboard', async ({
  page,
}, testInfo) => {
  const lab = await visit(page);
  await lab.select('Backend').selectOption('CPU');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  // The last bits of two engines differ, and rounding to 16 bits would make that visible.
  await lab.select('KV precision').selectOption('f32 (4 bytes)');
  await lab.prompt.fill(prompt);
  const part = page.getByRole('region', { name: 'Convergence', exact: true });
  await part.locator('summary').first().click();
  await part.getByRole('checkbox', { name: 'Compare with the exact result' }).check();
  await part.getByRole('button', { name: 'Measure the passes' }).click();

  const [answer] = (await headless([
    { model: 'fairy-lckv', backend: 'cpu', kv: 'f32', prompt, maxNewTokens: 0, watch: ['exact'] },
  ])) as readonly Answer[];
  const [group] = answer?.convergence.groups ?? [];
  if (!answer || !group) throw new Error('the headless runner measured nothing');
  const summaries = passSummaries({ passes: group.passes, relative: Float32Array.from(group.relative) });
  expect(summaries).toHaveLength(9);

  await part.getByText('As a table', { exact: true }).click();
  for (const { pass, mean, max } of summaries) {
    const row = part.getByRole('row', { name: new RegExp(`^${pass} `) }).first();
    await expect(row).toContainText(formatMovement(mean));
    await expect(row).toContainText(formatMovement(max));
  }
  const { kl } = answer.convergence.divergence;
  const distance = part.getByRole('region', { name: 'Distance from exact' });
  await expect(distance).toContainText(`of ${kl.length} positions`);
  await expect(distance).toContainText(`${formatNats(Math.max(...kl))} at most`);

  const map = part.getByRole('application', { name: /^Movement by pass and position/ });
  await map.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('End');
  const last = group.relative.length / group.passes - 1;
  const moved = formatMovement(group.relative[2 * (last + 1) - 1] ?? NaN);
  await expect(part.getByText(`Pass 2, position ${last} `)).toContainText(`moved by ${moved}`);

  await takePictures(lab, testInfo, 'convergence', { part });

  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await part.getByRole('button', { name: 'Measure the passes' }).click();
  await expect(part).toContainText('No layer of this plan reads above itself: one pass is exact.');
});

test('what freezing left out is drawn, said and counted', async ({ page }, testInfo) => {
  const lab = await visit(page);
  await lab.select('Backend').selectOption('CPU');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await lab.select('KV precision').selectOption('f32 (4 bytes)');
  await lab.number('Forward passes').fill('30');
  await page.getByRole('checkbox', { name: 'Freeze' }).check();
  await lab.prompt.fill(prompt);
  const part = page.getByRole('region', { name: 'Convergence', exact: true });
  await part.locator('summary').first().click();
  await part.getByRole('button', { name: 'Measure the passes' }).click();
  await expect(part).toContainText(/Freezing left out [5-9]\d % of the layer passes: [\d,]+ of [\d,]+ were/);
  const map = part.getByRole('application', { name: /^Movement by pass and position/ });
  await map.focus();
  for (let pass = 1; pass < 32; pass++) await page.keyboard.press('ArrowDown');
  await expect(part.getByText(/^Pass 32, position 0 .*: left out$/)).toBeVisible();
  await takePictures(lab, testInfo, 'convergence-frozen', { part });
});
