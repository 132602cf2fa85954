import { expect, test } from 'playwright/test';
import { openLab, visit, visitUnloaded } from './lab.ts';

test('an edit just before a reload is still there afterwards', async ({ page }) => {
  const lab = await visitUnloaded(page);
  await lab.number('Seed').fill('77');
  await page.reload();
  await expect(openLab(page).number('Seed')).toHaveValue('77');
  expect(page.url()).toContain('seed=77');
});

test('an edit that reaches the address between a reload and its notice is still there afterwards', async ({
  page,
}) => {
  const lab = await visitUnloaded(page);
  const before = await page.evaluate(() => location.hash);
  // As if the browser had chosen the address to load again just before the page wrote it.
  await page.evaluate((chosen) => {
    const reloadOnceWritten = () => {
      if (!location.hash.includes('seed=77')) {
        setTimeout(reloadOnceWritten, 5);
        return;
      }
      dispatchEvent(new Event('pagehide'));
      Storage.prototype.setItem = () => undefined; // the reload itself gives notice again, of the address below
      history.replaceState(null, '', chosen === '' ? location.pathname : chosen);
      location.reload();
    };
    reloadOnceWritten();
  }, before);
  const loadedAgain = page.waitForEvent('load');
  await lab.number('Seed').fill('77');
  await loadedAgain;
  await expect(openLab(page).number('Seed')).toHaveValue('77');
  await expect(page).toHaveURL(/seed=77/);
});

test('a link that is opened while the page starts is not lost', async ({ page }) => {
  let answer = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    void page.route('**/models/index.json', async (route) => {
      resolve();
      await new Promise<void>((go) => (answer = go));
      await route.continue();
    });
  });
  await page.goto('./');
  await asked;
  await page.evaluate(() => location.assign('#v=1&seed=77'));
  answer();
  await expect(openLab(page).number('Seed')).toHaveValue('77');
});

test('a prompt that is too long for a link is reported, and left out of the address', async ({ page }) => {
  const lab = await visit(page);
  await lab.prompt.fill('a'.repeat(100_001));
  await expect(page.getByText(/^Too long for a link: the prompt\./)).toBeVisible();
  await expect(page).toHaveURL(/#v=1&mode=fastest&omits=prompt$/);
  await page.reload();
  await expect(page.getByRole('alert')).toContainText('Prompt: too long for a link, so set it by hand');
});

test('a setting that needs another one appears with it', async ({ page }) => {
  const lab = await visitUnloaded(page);
  const embeddings = page.getByRole('checkbox', { name: 'Embeddings and head too' });
  await expect(embeddings).toHaveCount(0);
  await lab.select('Weights').selectOption('8-bit');
  await embeddings.check();
  await expect(page).toHaveURL(/weights=q8&embeddings=true$/);
});
