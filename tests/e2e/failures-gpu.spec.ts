import { expect, test, type Page } from 'playwright/test';
import { generate, visit } from './lab.ts';

/** Ends the process that holds every GPUDevice, as a driver reset does. */
async function crashGpu(page: Page): Promise<void> {
  const session = await page.context().browser()?.newBrowserCDPSession();
  if (!session) throw new Error('this page has no browser');
  await session.send('Browser.crashGpuProcess');
  await session.detach();
}

test('a GPU lost during a run is reported, and the next Generate works without a reload', async ({
  page,
}) => {
  const lab = await visit(page);
  await lab.number('Max new tokens').fill('2000');
  await lab.generate.click();
  await expect(lab.output).not.toBeEmpty({ timeout: 60_000 });
  await crashGpu(page);
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('The GPU was reset');
  await expect(alert).toContainText('Press Generate');

  expect(await generate(lab, 3)).not.toBe('');
  await expect(alert).toHaveCount(0);
  await expect(lab.adapter).toContainText('WebGPU');
});

test('after a GPU was lost while idle, Generate works without a reload', async ({ page }) => {
  const lab = await visit(page);
  await generate(lab, 3);
  await crashGpu(page);
  await page.waitForTimeout(1000);
  // The page may learn of the loss only now and report it; then a second press writes text.
  await lab.number('Max new tokens').fill('5');
  await lab.generate.click();
  const alert = page.getByRole('alert');
  await expect(alert.or(page.getByText('Done: 5 tokens'))).toBeVisible({ timeout: 60_000 });
  if (await alert.isVisible()) {
    await expect(alert).toContainText('The GPU was reset');
    await expect(alert).toContainText('Press Generate');
  }
  expect(await generate(lab, 3)).not.toBe('');
  await expect(lab.adapter).toContainText('WebGPU');
});
