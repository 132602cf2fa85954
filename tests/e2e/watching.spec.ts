import { readFileSync } from 'node:fs';
import { expect, test, type Page } from 'playwright/test';
import { columnOf, openAttention } from './attention-panel.ts';
import { bringAxe } from './axe.ts';
import { chooseGreedy, generate, shareLab, takePictures, visit } from './lab.ts';

/** Opens a panel of the workbench. */
async function open(page: Page, title: string) {
  const part = page.getByRole('region', { name: title, exact: true });
  await part.locator('summary').first().click();
  return part;
}

test('charts draw the run, have its numbers in a table, and can be saved as pictures', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  const lab = await visit(page);
  const charts = await open(page, 'Charts');
  await charts.getByRole('checkbox', { name: 'Time the kernels' }).check();
  await (await open(page, 'Tokens')).getByRole('checkbox', { name: 'Measure every token' }).check();
  await generate(lab, 12);

  const kv = charts.getByRole('img', { name: /^KV bytes in use\./ });
  await expect(kv).toBeVisible();
  // The last point of the chart equals the figure.
  const said = await kv.getAttribute('aria-label');
  const inUse = /([\d.]+ KiB) after (\d+) tokens; plain LLaMA would take ([\d.]+ KiB)/.exec(said ?? '');
  await expect(lab.kv).toContainText(`${inUse?.[1] ?? 'nothing'} in use`);
  expect(parseFloat(inUse?.[3] ?? '') / parseFloat(inUse?.[1] ?? '')).toBeCloseTo(8 / 3, 1);
  await charts.getByText('As a table: KV bytes in use').click();
  await expect(charts.getByRole('row', { name: new RegExp(`^${inUse?.[2] ?? '?'} `) }).first()).toContainText(
    inUse?.[1] ?? 'nothing',
  );
  await expect(
    charts.getByRole('img', { name: /^Tokens per second\. [\d.]+ at new token 12/ }),
  ).toBeVisible();
  const kernels = charts.getByRole('table', { name: /GPU time by kernel/ });
  await expect(kernels.getByRole('row', { name: /^attend 8 [\d,]+ [\d.]+ %/ })).toBeVisible();

  const png = page.waitForEvent('download');
  await charts.getByRole('button', { name: 'Save “KV bytes in use” as PNG' }).click();
  const saved = await png;
  expect(saved.suggestedFilename()).toBe('kvtab-KV-bytes-in-use-fairy-lckv-0_6_6_6_6_6_6_7.png');
  // Twice the 760 units of its width.
  expect(readFileSync(await saved.path()).readUInt32BE(16)).toBe(1520);
  const svg = page.waitForEvent('download');
  await charts.getByRole('button', { name: 'Save “GPU time by kernel” as SVG' }).click();
  const drawn = readFileSync(await (await svg).path(), 'utf8');
  for (const text of [
    '>attend<',
    '>µs per token<',
    '>Model fairy-lckv; plan 0_6_6_6_6_6_6_7<',
    '>Adapter: WebGPU',
  ]) {
    expect(drawn).toContain(text);
  }

  await lab.select('Backend').selectOption('CPU');
  await expect(charts.getByRole('checkbox', { name: 'Time the kernels' })).toBeDisabled();
  await expect(charts).toContainText('This adapter cannot say how long a kernel takes');

  await takePictures(lab, testInfo, 'charts');
});

test.describe('on one page', () => {
  const theLab = shareLab();

  test('shows the probability, rank, alternatives and time of each token, by pointer and by keyboard', async () => {
    const lab = theLab();
    const { page } = lab;
    await chooseGreedy(lab);
    const plain = await generate(lab, 6);
    const part = await open(page, 'Tokens');
    await part.getByRole('checkbox', { name: 'Measure every token' }).check();
    expect(await generate(lab, 6), 'measuring changes nothing').toBe(plain);

    const strip = part.getByRole('listbox', { name: 'Tokens of the output' });
    await expect(strip.getByRole('option')).toHaveCount(6);
    await strip.getByRole('option').nth(3).hover();
    await expect(
      part.getByText(/probability [\d.]+ %, rank 1, [\d.]+ ms after the token before/),
    ).toBeVisible();
    await strip.getByRole('option').first().hover();
    await expect(
      part.getByText(/rank 1, the first new token: it comes at the end of the prefill/),
    ).toBeVisible();
    await strip.getByRole('option').nth(3).hover();
    await expect(part.getByRole('listitem')).toHaveCount(5);
    await strip.getByRole('option', { selected: true }).focus();
    await page.keyboard.press('ArrowRight');
    await expect(strip.getByRole('option').nth(4)).toBeFocused();
    await expect(strip.getByRole('option').nth(4)).toHaveAccessibleDescription(
      /probability [\d.]+ %, rank 1/,
    );
  });

  test('a press explains a number, and Escape closes the explanation', async () => {
    const { page } = theLab();
    await page.getByRole('button', { name: 'What is “KV cache”?' }).click();
    const dialog = page.getByRole('dialog', { name: 'KV cache' });
    await expect(dialog).toContainText('Σ over owners');
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  });

  test('a token reads on WebGPU what it reads on the CPU', async () => {
    const lab = theLab();
    const { page } = lab;
    await lab.prompt.fill('Once upon a time there was a king who had a son');
    await generate(lab, 3);
    const part = await openAttention(page);
    await part.getByRole('button', { name: 'Show what the last token reads' }).click();
    await part.getByText('As a table', { exact: false }).click();
    const onGpu = await columnOf(part, 'Layer 3 (reads layer 6)');

    // Another backend may look at the same run, too.
    await lab.select('Backend').selectOption('CPU');
    await expect(lab.adapter).toContainText('WebAssembly');
    const text = part.getByRole('listbox');
    await text.getByRole('option').nth(3).click();
    await expect(text.getByRole('option', { selected: true })).toHaveAttribute('aria-label', /^Token 3: /);
    // What was found before is kept, so the panel is opened afresh.
    await part.locator('summary').first().click();
    await part.locator('summary').first().click();
    await part.getByRole('button', { name: 'Show what the last token reads' }).click();
    await part.getByText('As a table', { exact: false }).click();
    const cpu = await columnOf(part, 'Layer 3 (reads layer 6)');
    expect(cpu).toHaveLength(onGpu.length);
    for (const [i, cell] of cpu.entries()) {
      if (cell.endsWith('%'))
        expect(Math.abs(parseFloat(cell) - parseFloat(onGpu[i] ?? ''))).toBeLessThan(0.3);
      else expect(cell).toBe(onGpu[i]);
    }
  });
});
