import { expect, test } from 'playwright/test';
import { visit, visitOnCpu } from './lab.ts';

test('the tour has five steps, works by keyboard alone, and is offered only once', async ({
  page,
}, testInfo) => {
  await visit(page);
  const offer = page.getByRole('button', { name: 'Take the tour, five steps' });
  await offer.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  for (let step = 1; step <= 5; step++) {
    await expect(dialog).toContainText(`Step ${step} of 5`);
    await expect(dialog.getByRole('heading')).toBeFocused();
    await expect(page.locator('.toured')).toHaveCount(1);
    if (step === 2) await page.screenshot({ path: testInfo.outputPath('tour.png') });
    await dialog.getByRole('button', { name: step < 5 ? 'Next' : 'Done' }).press('Enter');
  }
  await expect(dialog).toBeHidden();
  await expect(offer).toBeHidden();

  await page.reload();
  const again = page.getByRole('button', { name: 'Tour', exact: true });
  await expect(again).toBeVisible();
  await expect(offer).toBeHidden();
  await again.click();
  await expect(dialog).toContainText('Step 1 of 5');
  // Without a GPU, it does not speak of one.
  await expect(dialog).toContainText('on your own processor');
  // Escape ends it wherever the focus is, and gives the focus back.
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await expect(dialog.locator(':focus')).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(again).toBeFocused();
  await expect(page.locator('.toured')).toHaveCount(0);
});

test('the tour knows what was done, by the visitor or for them, and ends in Compare', async ({ page }) => {
  const lab = await visitOnCpu(page);
  await lab.number('Max new tokens').fill('4');
  await page.getByRole('button', { name: 'Take the tour, five steps' }).click();
  const dialog = page.getByRole('dialog');
  const said = dialog.getByRole('status');
  const next = dialog.getByRole('button', { name: 'Next' });
  await expect(said).toHaveText('');
  // Whoever follows the text needs no button of the tour.
  await lab.generate.click();
  await expect(said).toHaveText(/^✓ While it wrote/);
  await next.click();
  await expect(said).toHaveText('');
  await dialog.getByRole('button', { name: 'Choose it for me' }).click();
  await expect(lab.select('Model')).toHaveValue('fairy-llama');
  await expect(said).toHaveText(/^✓ Every layer is an owner now/);
  await next.click();
  await dialog.getByRole('button', { name: 'Generate once more' }).click();
  await expect(said).toHaveText(/^✓ More memory/, { timeout: 60_000 });
  await expect(lab.kv).toContainText('100 %');
  await next.click();
  await dialog.getByRole('button', { name: 'Draw one for me' }).click();
  await expect(lab.layerTypes).toHaveValue('0_1_2_3_4_5_5_7');
  await expect(said).toHaveText(/^✓ Nobody trained/);
  await next.click();
  await dialog.getByRole('button', { name: 'Show me Compare' }).click();
  await expect(page.getByRole('tab', { name: 'Compare' })).toHaveAttribute('aria-selected', 'true');
  await expect(said).toHaveText(/^✓ Press “Run the whole family”/);
  // One step back leads back to the picture.
  await dialog.getByRole('button', { name: 'Back' }).click();
  await expect(lab.layerTypes).toBeVisible();
});

test('on a phone, the tour leaves in sight what it points at', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await visit(page);
  await page.getByRole('button', { name: 'Take the tour, five steps' }).click();
  const dialog = page.getByRole('dialog');
  for (let step = 1; step <= 5; step++) {
    await expect(dialog).toContainText(`Step ${step} of 5`);
    const box = await dialog.boundingBox();
    const part = await page.locator('.toured').boundingBox();
    if (!box || !part) throw new Error('the step has no place');
    // As much of it as a person needs to see which part is meant.
    const inSight =
      Math.min(part.y + part.height, box.y > 100 ? box.y : 844) -
      Math.max(part.y, box.y > 100 ? 0 : box.y + box.height);
    expect(inSight, `step ${step}`).toBeGreaterThan(Math.min(part.height, 200) - 1);
    if (step === 2) {
      // The step speaks of the presets: they are unfolded, and nothing covers them.
      const preset = page.getByRole('combobox', { name: 'Preset', exact: true });
      await preset.click({ trial: true });
      expect((await preset.boundingBox())?.y ?? Infinity).toBeLessThan(box.y);
    }
    await dialog.getByRole('button', { name: step < 5 ? 'Next' : 'Done' }).click();
  }
  await expect(dialog).toBeHidden();
});
