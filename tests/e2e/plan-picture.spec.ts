import { expect, test, type Locator, type Page } from 'playwright/test';
import { dragByFinger } from './drag-by-finger.ts';
import { generate, openLab, shareLab, unfold, visit, visitUnloaded, type Lab } from './lab.ts';

const LCKV = '0_6_6_6_6_6_6_7';

const rows = (page: Page) => page.getByRole('listbox', { name: 'Layers, the last one first' });
const layer = (page: Page, number: number) =>
  page.getByRole('option', { name: new RegExp(`^Layer ${number} `) });

async function centre(locator: Locator) {
  const box = await locator.boundingBox();
  if (!box) throw new Error('not in the picture');
  return { x: box.x + 50, y: box.y + box.height / 2 };
}

/** Opens the page with a model of this many layers, whose weights never arrive. */
async function visitLayers(page: Page, layerCount: number): Promise<Lab> {
  const stored = {
    layerTypes: Array.from({ length: layerCount }, (_, index) => index).join('_'),
    slidingWindow: 4096,
    forwardPasses: 7,
    backwardPasses: 2,
    forceNodiag: false,
  };
  await page
    .context()
    .route('**/models/index.json', (route) =>
      route.fulfill({ json: [{ id: 'fairy-lckv', description: 'Many layers', stored }] }),
    );
  await page.context().route('**/model.safetensors', (route) => route.abort());
  await page.context().route('**/config.json', (route) => route.abort());
  await page.goto('./');
  await expect(page.getByRole('alert')).toBeVisible();
  return openLab(page);
}

test.describe('before a model is loaded', () => {
  const theLab = shareLab(visitUnloaded);

  test('dragging a layer onto another changes which layer it reads, also in the text', async () => {
    const lab = theLab();
    const { page } = lab;
    const from = await centre(layer(page, 3));
    const to = await centre(layer(page, 0));
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x + 20, (from.y + to.y) / 2);
    await page.mouse.move(to.x, to.y);
    await page.mouse.up();
    await expect(lab.layerTypes).toHaveValue('0_6_6_0_6_6_6_7');
    await expect(layer(page, 3)).toHaveAccessibleName('Layer 3 reads layer 0, below');

    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(lab.layerTypes).toHaveValue(LCKV);
    await page.getByRole('button', { name: 'Redo' }).click();
    await expect(lab.layerTypes).toHaveValue('0_6_6_0_6_6_6_7');
  });

  test('editing the text changes the picture', async () => {
    const lab = theLab();
    const { page } = lab;
    await lab.layerTypes.fill('0_0_2_2s_4_4_6_6');
    await expect(layer(page, 3)).toHaveAccessibleName('Layer 3 reads layer 2, below, through the window');
    await expect(layer(page, 4)).toHaveAccessibleName('Layer 4 reads itself, keeps KV');
  });

  test('the text field and the picture have one history', async () => {
    const lab = theLab();
    const { page } = lab;
    await lab.layerTypes.fill('0_0_2_2_4_4_6_6');
    await layer(page, 1).click();
    await page.getByRole('button', { name: 'Own KV' }).click();
    await expect(lab.layerTypes).toHaveValue('0_1_2_2_4_4_6_6');
    await lab.layerTypes.focus();
    await page.keyboard.press('ControlOrMeta+z');
    await expect(lab.layerTypes).toHaveValue('0_0_2_2_4_4_6_6');
    await page.keyboard.press('ControlOrMeta+z');
    await expect(lab.layerTypes).toHaveValue(LCKV);
    await page.keyboard.press('ControlOrMeta+Shift+z');
    await expect(lab.layerTypes).toHaveValue('0_0_2_2_4_4_6_6');
  });

  test('the picture can be edited by keyboard alone, several layers at once', async () => {
    const lab = theLab();
    const { page } = lab;
    await rows(page).focus();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Shift+ArrowUp');
    await expect(layer(page, 2)).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('0');
    await expect(lab.layerTypes).toHaveValue('0_0_0_6_6_6_6_7');
    await page.keyboard.press('s');
    await expect(lab.layerTypes).toHaveValue('0_0s_0s_6_6_6_6_7');
    await page.keyboard.press('ArrowRight');
    await expect(lab.layerTypes).toHaveValue('0_1s_1s_6_6_6_6_7');
    await page.keyboard.press('o');
    await expect(lab.layerTypes).toHaveValue('0_1s_2s_6_6_6_6_7');
    for (let steps = 0; steps < 4; steps++) await page.keyboard.press('ControlOrMeta+z');
    await expect(lab.layerTypes).toHaveValue(LCKV);
  });

  test('a selection can be edited with buttons alone', async () => {
    const lab = theLab();
    const { page } = lab;
    await layer(page, 1).click();
    await page.getByRole('button', { name: 'Select several' }).click();
    await layer(page, 2).click();
    await page.getByRole('combobox', { name: 'Reads layer' }).selectOption('0');
    await expect(lab.layerTypes).toHaveValue('0_0_0_6_6_6_6_7');
    await page.getByRole('button', { name: 'Window', exact: true }).click();
    await expect(lab.layerTypes).toHaveValue('0_0s_0s_6_6_6_6_7');
    await page.getByRole('button', { name: 'Own KV' }).click();
    await expect(lab.layerTypes).toHaveValue('0_1s_2s_6_6_6_6_7');
    await page.getByRole('button', { name: 'Select several' }).click();
  });

  test('mistakes are shown in their rows, kept, and repaired one by one', async () => {
    const lab = theLab();
    const { page } = lab;
    await lab.layerTypes.fill('0_6_x_6_9_6_6_7');
    await expect(page.getByRole('option', { name: 'Layer 2: "x" is not a layer number, “x”' })).toBeVisible();
    await expect(page.getByRole('option', { name: 'Layer 4: there is no layer 9, “9”' })).toBeVisible();
    // On a phone, too, they are whole.
    await page.setViewportSize({ width: 390, height: 844 });
    for (const problem of ['"x" is not a layer number', 'there is no layer 9']) {
      const row = page.getByRole('option', { name: problem });
      const said = row.getByText(problem, { exact: true });
      expect(await said.evaluate((text) => text.scrollWidth - text.clientWidth), problem).toBe(0);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByRole('option', { name: 'Layer 2:' }).click();
    await page.getByRole('combobox', { name: 'Reads layer' }).selectOption('6');
    await expect(lab.layerTypes).toHaveValue('0_6_6_6_9_6_6_7');
    await expect(lab.layerTypes).toHaveAttribute('aria-invalid', 'true');
  });

  test('iterated groups have a bracket with their passes', async () => {
    const lab = theLab();
    const { page } = lab;
    await expect(page.getByText('9×', { exact: true })).toBeVisible();
    await lab.number('Forward passes').fill('3');
    await expect(page.getByText('5×', { exact: true })).toBeVisible();
    await lab.select('Preset').selectOption('pizza-bottom');
    await expect(page.getByText('5×', { exact: true })).toHaveCount(0);
  });

  test('a preset has a parameter, and a plan with another value is still that preset', async () => {
    const lab = theLab();
    await lab.number('Warm-up layers').fill('4');
    await expect(lab.layerTypes).toHaveValue('0_1_5_5_5_5_6_7');
    await expect(lab.select('Preset')).toHaveValue('lckv');
    await lab.select('Preset').selectOption('lasagna-middle');
    await lab.number('KV layers').fill('2');
    await expect(lab.layerTypes).toHaveValue('1_1_1_1_5_5_5_5');
    await expect(lab.select('Preset')).toHaveValue('lasagna-middle');
  });
});

test.describe('with a model', () => {
  const theLab = shareLab();

  test('a preset loads the model that was trained for it, and an edited plan keeps the weights', async () => {
    const lab = theLab();
    const { page } = lab;
    await lab.select('Preset').selectOption('Plain LLaMA (trained)');
    await expect(lab.select('Model')).toHaveValue('fairy-llama');
    await expect(lab.layerTypes).toHaveValue('0_1_2_3_4_5_6_7');
    await expect(page.getByText(/expect poor text/)).toBeHidden();
    await expect(page.getByText(/Held-out tales take it 1\.\d{3} bits per byte/)).toBeVisible();
    // Two presets make its plan, and both say that weights ship for it, whichever model is loaded.
    const trained = lab.select('Preset').getByRole('option', { name: 'Lasagna, bottom (trained)' });
    await expect(trained).toHaveCount(1);
    await lab.select('Preset').selectOption('cla');
    await expect(lab.select('Model')).toHaveValue('fairy-cla');
    await expect(trained).toHaveCount(1);
    for (const [preset, model] of [
      ['cla', 'fairy-cla'],
      ['mixattention-pairs', 'fairy-mixattention'],
      ['sandwich-middle', 'fairy-sandwich'],
      ['yoco', 'fairy-yoco'],
    ] as const) {
      await lab.select('Preset').selectOption(preset);
      await expect(lab.select('Model')).toHaveValue(model);
      await expect(page.getByText(/expect poor text/)).toBeHidden();
    }
    await expect(lab.number('Sliding window')).toHaveValue('64');
    expect(await generate(lab, 8)).not.toBe('');
    await lab.select('Preset').selectOption('llama');
    await expect(lab.select('Model')).toHaveValue('fairy-llama');

    await lab.layerTypes.fill('0_6_6_6_6_6_6_7');
    await expect(page.getByText(/converted .* expect poor text/)).toBeVisible();
    await expect(lab.select('Model')).toHaveValue('fairy-llama');
    await page.getByRole('button', { name: 'Load fairy-lckv' }).click();
    await expect(lab.select('Model')).toHaveValue('fairy-lckv');
    await expect(page.getByText(/expect poor text/)).toBeHidden();
  });

  test('figures of the plan follow it before anything runs', async () => {
    const lab = theLab();
    const { page } = lab;
    const figures = page.getByRole('region', { name: 'Before it runs' });
    await expect(figures).toContainText('768 B');
    await expect(figures).toContainText('56 layer passes');
    await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
    await expect(figures).toContainText('8 layer passes');
    await expect(figures).toContainText('524,288 tokens');
    await lab.number('Memory budget').fill('2');
    await expect(figures).toContainText('2 texts');
  });
});

for (const layerCount of [22, 48]) {
  for (const width of [390, 1440]) {
    test(`${layerCount} layers are edited at ${width} px`, async ({ page }, testInfo) => {
      await page.setViewportSize({ width, height: 844 });
      const lab = await visitLayers(page, layerCount);
      if (width === 390) await unfold(lab, 'KV sharing');
      await lab.select('Preset').selectOption('mixattention-pairs');
      await lab.select('Preset').selectOption('lckv');
      await rows(page).focus();
      await page.keyboard.press('Home');
      await page.keyboard.press('1');
      await page.keyboard.press('2');
      await expect(lab.layerTypes).toHaveValue(/_12$/);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      await page.screenshot({
        path: testInfo.outputPath(`layers-${layerCount}-${width}.png`),
        fullPage: true,
      });
    });
  }
}

test.describe('by touch', () => {
  test.use({ hasTouch: true, viewport: { width: 390, height: 844 } });

  test('a layer is chosen by touch and reads another layer', async ({ page }) => {
    const lab = await visitUnloaded(page);
    await unfold(lab, 'KV sharing');
    await layer(page, 5).tap();
    await page.getByRole('combobox', { name: 'Reads layer' }).selectOption('0');
    await expect(lab.layerTypes).toHaveValue('0_6_6_6_6_0_6_7');
    await page.getByRole('button', { name: 'Window', exact: true }).tap();
    await expect(lab.layerTypes).toHaveValue('0_6_6_6_6_0s_6_7');
  });

  test('dragging the disc of a layer by touch draws a new arrow', async ({ page }) => {
    const lab = await visitUnloaded(page);
    await unfold(lab, 'KV sharing');
    // Away from the edges of the screen, where a drag scrolls.
    await rows(page).evaluate((list) => list.scrollIntoView({ block: 'center' }));
    const from = await centre(layer(page, 4));
    const to = await centre(layer(page, 2));
    const at = (fraction: number) => ({ x: from.x, y: from.y + (to.y - from.y) * fraction });
    await dragByFinger(page, [at(0), at(0.3), at(0.7), at(1)]);
    await expect(lab.layerTypes).toHaveValue('0_6_6_6_2_6_6_7');
  });
});

test('the caption of the cells is whole at every width, and as high whatever it says', async ({ page }) => {
  const lab = await visit(page);
  const caption = page.locator('.situation');
  const heights = new Set<number>();
  const expectWhole = async (said: RegExp) => {
    for (const width of [1920, 1440, 768, 390]) {
      await page.setViewportSize({ width, height: 900 });
      await expect(caption).toHaveText(said);
      const { hiddenPx, heightPx } = await caption.evaluate((element) => {
        const text = element.firstElementChild;
        return {
          hiddenPx: (text?.scrollHeight ?? NaN) - (text?.clientHeight ?? NaN),
          heightPx: element.clientHeight,
        };
      });
      expect(hiddenPx, `${await caption.innerText()} at ${width} px`).toBeLessThanOrEqual(1);
      heights.add(heightPx);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  };
  await expectWhole(/^Dashed: what this plan would hold of/);
  await generate(lab, 100);
  await expectWhole(/^What the cache holds after \d+ tokens\./);
  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await expectWhole(/^Pale: the last run, fairy-lckv 0_6_6_6_6_6_6_7\. Dashed: these settings\./);
  await lab.select('Cache policy').selectOption('h2o');
  await page.getByRole('checkbox', { name: 'Watch which rows the policy keeps' }).uncheck();
  await generate(lab, 100);
  await expectWhole(/tokens under H2O .*, not watched: drawn as if the newest stayed\./);
  expect(heights.size).toBe(1);
});
