import { expect, test } from 'playwright/test';
import { visit } from './lab.ts';

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
    await dialog.getByRole('button', { name: step < 5 ? 'Next' : 'Done' }).click();
  }
  await expect(dialog).toBeHidden();
});
