import { expect, test } from 'playwright/test';
import { generate, visit } from './lab.ts';

test('loads weights in 4 bits, with embeddings and head on request, and writes it into the link', async ({
  page,
}) => {
  const lab = await visit(page);
  const everything = page.getByRole('checkbox', { name: 'Embeddings and head too', exact: true });
  await expect(everything).toHaveCount(0);
  await lab.select('Weights').selectOption('4-bit');
  await everything.check();
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page).toHaveURL(/weights=q4&embeddings=true/);
  expect(await generate(lab, 6)).not.toBe('');
});
