import { expect, test } from 'playwright/test';
import { generate, openLab, visit } from './lab.ts';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test('a citation belongs to its run: what is set afterwards does not change it', async ({
  page,
  context,
}) => {
  const lab = await visit(page);
  await lab.prompt.fill('The queen & the wolf');
  const text = await generate(lab, 4);
  await lab.prompt.fill('Another prompt');
  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await lab.number('Seed').fill('9');
  await page.getByRole('button', { name: 'Cite this run', exact: true }).click();
  await expect(page.getByText('Citation copied.')).toBeVisible();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const citation = await copied();
  expect(citation).toMatch(/^kvtab ([0-9a-f]{12}|unknown), model fairy-lckv\n/);
  expect(citation).toContain('Plan: 0_6_6_6_6_6_6_7');
  expect(citation).toContain('software adapter');
  expect(citation).toMatch(/decode: [\d.]+ tokens\/s/);
  expect(citation).toContain('Prompt: The queen & the wolf');
  for (const entry of ['@software{kvtab,', '@misc{wu2024lckv,']) expect(citation).toContain(entry);

  await page.evaluate(() => navigator.clipboard.writeText(''));
  await page.getByRole('button', { name: /^Cite 0_6_6_6_6_6_6_7, / }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(copied).toBe(citation);

  const [link = ''] = /^http.*$/m.exec(citation) ?? [];
  expect(link).toContain('&seed=1&build=');
  const other = await context.newPage();
  await other.goto(link);
  const reopened = openLab(other);
  await expect(reopened.prompt).toHaveValue('The queen & the wolf');
  await expect(reopened.select('Mode')).toHaveValue('sequential');
  await expect(other.getByRole('alert')).toHaveCount(0);
  expect(await generate(reopened, 4)).toBe(text);

  await other.goto(link.replace(/build=.*/, 'build=0.0.9@abcdef012345'));
  await expect(other.getByRole('alert')).toContainText('This link cites a run of kvtab 0.0.9@abcdef012345.');
});
