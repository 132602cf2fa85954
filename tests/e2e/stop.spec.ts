import { expect, test } from 'playwright/test';
import { finished, generate, startLongRun, visit } from './lab.ts';

test('Stop ends a run at once and keeps its text, and the next run starts over', async ({ page }) => {
  const lab = await visit(page);
  await generate(lab, 40);
  await expect(lab.stop, 'the page scrolled to the text').toBeInViewport();
  await startLongRun(lab);
  await lab.stop.click();
  await expect(page.getByText(/^Stopped after [\d,]+ tokens?\.$/)).toBeVisible({ timeout: 10_000 });

  const text = await lab.output.textContent();
  expect(text).not.toBe('');
  await page.waitForTimeout(500);
  expect(await lab.output.textContent()).toBe(text);

  await lab.number('Max new tokens').fill('3');
  await lab.generate.click();
  await finished(lab);
  await expect(page.getByText(/^Done/)).toBeVisible();
});

test('Stop cancels a run that waits for the model', async ({ page }) => {
  let goOn = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (goOn = resolve));
  await page.route('**/model.safetensors', async (route) => {
    await stopped;
    await route.continue();
  });
  await page.goto('./');
  await page.getByRole('button', { name: 'Generate' }).click();
  await expect(page.getByRole('progressbar')).toBeVisible();
  await page.getByRole('button', { name: 'Stop' }).click();
  goOn();
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('region', { name: 'Output' })).toBeEmpty();
});

test('choosing another model stops the run in progress', async ({ page }) => {
  const lab = await visit(page);
  await startLongRun(lab);
  await lab.select('Model').selectOption('fairy-llama');
  await expect(page.getByText(/^Stopped/)).toBeVisible({ timeout: 60_000 });
  await expect(lab.generate).toBeEnabled();
});
