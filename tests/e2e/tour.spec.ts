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
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(page.locator('.toured')).toHaveCount(0);
});
