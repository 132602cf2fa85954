import { expect, test, type Locator } from 'playwright/test';
import { generate, shareLab, visit } from './lab.ts';

type Role = 'textbox' | 'button' | 'combobox' | 'spinbutton' | 'region' | 'status';

const names: readonly (readonly [Role, readonly string[]])[] = [
  ['textbox', ['Prompt', 'Layer types']],
  ['button', ['Generate', 'Stop']],
  ['combobox', ['Model', 'Preset', 'Mode', 'Backend', 'KV precision']],
  [
    'spinbutton',
    [
      'Sliding window',
      'Forward passes',
      'Backward passes',
      'Max new tokens',
      'Temperature',
      'Top-k',
      'Top-p',
      'Min-p',
      'Repetition penalty',
      'Seed',
    ],
  ],
  ['region', ['Output']],
  ['status', ['KV cache', 'Decode speed', 'Prefill speed', 'Adapter']],
];

test('each main control, region and status has a unique name and is visible', async ({ page }) => {
  await page.goto('./');
  for (const [role, roleNames] of names) {
    for (const name of roleNames) {
      const element = page.getByRole(role, { name, exact: true });
      await expect(element).toHaveCount(1);
      await expect(element).toBeVisible();
      if (role === 'status') await expect(element).toHaveAttribute('aria-live', 'off');
    }
  }
});

test('the output holds the continuation and nothing else', async ({ page }) => {
  await page.goto('./');
  const output = page.getByRole('region', { name: 'Output', exact: true });
  expect(await output.textContent()).toBe('');
  const lab = await visit(page);
  const text = await generate(lab, 4);
  expect(text).not.toContain(await lab.prompt.inputValue());
});

test.describe('on one page', () => {
  const theLab = shareLab();

  test('the main controls are in view at 1440 × 900, and the Hub is one press away', async () => {
    const lab = theLab();
    const { page } = lab;
    await page.setViewportSize({ width: 1440, height: 900 });
    await expect(lab.generate).toBeInViewport({ ratio: 1 });
    await expect(lab.layerTypes).toBeInViewport({ ratio: 1 });
    const layers = page.getByRole('listbox', { name: /^Layers/ });
    await expect(layers).toBeInViewport({ ratio: 1 });
    await expect(page.getByRole('application', { name: /^Tokens that each layer/ })).toBeInViewport({
      ratio: 1,
    });
    for (const status of [lab.kv, lab.decodeSpeed, lab.prefillSpeed, lab.adapter]) {
      await expect(status).toBeInViewport({ ratio: 1 });
    }
    await expect(lab.output).toBeInViewport({ ratio: 1 });
    expect((await layers.boundingBox())?.width).toBeGreaterThanOrEqual(420);
    await page.getByRole('button', { name: 'From the Hub', exact: true }).click();
    await expect(page.getByRole('textbox', { name: 'Repository', exact: true })).toBeFocused();
    await expect(page.getByRole('button', { name: 'Load model', exact: true })).toBeInViewport({ ratio: 1 });
  });

  test('nothing scrolls sideways from 320 to 1440 px', async () => {
    const lab = theLab();
    const { page } = lab;
    await lab.select('Preset').selectOption('lasagna-top');
    await generate(lab, 8);
    await lab.select('Preset').selectOption('mixattention-pairs');
    for (const width of [320, 390, 768, 1024, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
  });

  test('every control is at least 24 px wide and high', async () => {
    const { page } = theLab();
    await page.setViewportSize({ width: 390, height: 844 });
    // All at once: meanwhile the page may put another control in place of one.
    const small = await page
      .locator('button, input, select, textarea')
      .filter({ visible: true })
      .evaluateAll((controls) =>
        controls
          .filter((control) => {
            const { width, height } = control.getBoundingClientRect();
            return width < 24 || height < 24;
          })
          .map(({ outerHTML }) => outerHTML),
      );
    expect(small).toEqual([]);
  });
});

test('at 1440 px, what stands in one line does: the tagline, labels, and the figures before a run', async ({
  page,
}) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const lab = await visit(page);
  const topOf = async (part: Locator) => Math.round((await part.boundingBox())?.y ?? NaN);
  const tagline = page.getByText(/^Edit which layers share keys/);
  const lineHeight = (element: Element) => Number.parseFloat(getComputedStyle(element).lineHeight);
  expect((await tagline.boundingBox())?.height).toBeLessThan(1.5 * (await tagline.evaluate(lineHeight)));
  expect(await topOf(lab.number('Warm-up layers'))).toBe(await topOf(lab.select('Preset')));
  expect(await topOf(lab.number('Repetition penalty'))).toBe(await topOf(lab.number('Seed')));
  const figures = page.getByRole('region', { name: 'Before it runs' });
  for (const policy of ['none', 'h2o']) {
    await lab.select('Cache policy').selectOption(policy);
    await expect(figures.getByText('37.5 %')).toBeVisible();
    for (const name of await figures.locator('dt').all()) {
      const value = name.locator('xpath=following-sibling::dd').locator('span');
      // Baselines of two sizes differ by less than half a line.
      expect(Math.abs((await topOf(name)) - (await topOf(value))), await name.innerText()).toBeLessThan(6);
    }
  }
});
