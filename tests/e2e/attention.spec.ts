import { readFile } from 'node:fs/promises';
import { expect, test } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { columnOf, openAttention as openPanel } from './attention-panel.ts';
import { generate, takePictures, visit } from './lab.ts';

test.beforeEach(({ page }) => bringAxe(page));

const sumOf = (cells: readonly string[]) =>
  cells.reduce((sum, cell) => sum + (cell.endsWith('%') ? parseFloat(cell.replace('<', '')) : 0), 0);

test('shows what a token of the run reads, by layer and by head, by keyboard and press', async ({
  page,
}, testInfo) => {
  const lab = await visit(page);
  const part = await openPanel(page);
  await expect(part).toContainText('Press Generate first');
  await lab.prompt.fill('Once upon a time there was a king who had a son');
  await generate(lab, 12);

  await part.getByRole('button', { name: 'Show what the last token reads' }).click();
  const text = part.getByRole('listbox');
  await expect(text.getByRole('option').first()).toBeVisible();
  const count = await text.getByRole('option').count();
  await expect(text.getByRole('option', { selected: true })).toHaveAttribute(
    'aria-label',
    new RegExp(`^Token ${count - 1}: `),
  );

  // Every layer reads 100 % in all.
  await part.getByText('As a table', { exact: false }).click();
  for (const column of ['Layer 0', 'Layer 1 (reads layer 6)', 'Layer 7']) {
    const cells = await columnOf(part, column);
    expect(cells).toHaveLength(count);
    expect(sumOf(cells), column).toBeGreaterThan(99);
    expect(sumOf(cells), column).toBeLessThan(101);
  }
  // A layer that reads above itself does not see the token itself.
  expect((await columnOf(part, 'Layer 1 (reads layer 6)')).at(-1)).toBe('not visible');

  // Another token, by keyboard: it reads less of the text.
  await text.getByRole('option', { selected: true }).focus();
  await page.keyboard.press('Home');
  for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await expect(text.getByRole('option', { selected: true })).toHaveAttribute('aria-label', /^Token 5: /);
  expect(await columnOf(part, 'Layer 0')).toHaveLength(6);
  await expect(part).toContainText('It belongs to the prompt');

  // The matrix is read by keyboard, and Enter opens the heads of a layer.
  const matrix = part.getByRole('application');
  await matrix.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  await expect(part.getByText(/^Layer 1 \(reads layer 6\), position 0 \(.*\): [\d.]+ %/)).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(part.getByRole('combobox', { name: 'Show' })).toHaveValue('1');
  for (const head of ['Head 0', 'Head 1']) {
    const sum = sumOf(await columnOf(part, head));
    expect(sum).toBeGreaterThan(99);
    expect(sum).toBeLessThan(101);
  }

  // And by press.
  await text.getByRole('option').nth(9).click();
  await expect(text.getByRole('option', { selected: true })).toHaveAttribute('aria-label', /^Token 9: /);
  await part.getByRole('combobox', { name: 'Show' }).selectOption('All layers');
  await takePictures(lab, testInfo, 'attention', { part });

  const download = page.waitForEvent('download');
  await part.getByRole('button', { name: /^Save .*Attention of token 9.* as SVG$/ }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/attention.*token-9.*\.svg$/);
  const svg = await readFile(await file.path(), 'utf8');
  const shown = ['Attention of token 9', 'evicted', 'not visible', 'fairy-lckv', '0_6_6_6_6_6_6_7'];
  for (const words of shown) expect(svg).toContain(words);
  expect(svg).toMatch(/>Adapter: CPU/);
  expect(svg).toMatch(/>Drawn by kvtab [\d.]+, commit [0-9a-z]+</);
});

test('shows evicted tokens as evicted, and says if the run belongs to another model', async ({ page }) => {
  const lab = await visit(page);
  await lab.select('Cache policy').selectOption('sinks');
  await lab.number('Recent').fill('16');
  await generate(lab, 60);
  const part = await openPanel(page);
  await part.getByRole('button', { name: 'Show what the last token reads' }).click();
  await expect(part.getByRole('option', { name: /, evicted$/ }).first()).toBeAttached();
  await part.getByText('As a table', { exact: false }).click();
  const cells = await columnOf(part, 'Layer 0');
  expect(cells.filter((cell) => cell === 'evicted').length).toBeGreaterThan(0);
  expect(sumOf(cells)).toBeGreaterThan(99);

  // The plan that is edited now does not matter: the run’s own is read.
  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await part.getByRole('option').nth(20).click();
  await expect(part.getByRole('columnheader', { name: 'Layer 1 (reads layer 6)' })).toBeVisible();

  await lab.select('Model').selectOption('fairy-llama');
  await expect(part).toContainText('The last run used fairy-lckv');
  await expect(part.getByRole('listbox')).toHaveCount(0);
});
