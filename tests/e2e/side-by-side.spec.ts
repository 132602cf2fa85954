import { expect, test } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { headless } from './headless-answer.ts';
import { takePictures, unfold, visit } from './lab.ts';

test('writes four continuations at once, each what its seed alone writes, and makes the chosen one the text', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  const lab = await visit(page);
  await lab.number('Max new tokens').fill('24');
  await lab.number('Continuations').fill('4');
  await lab.number('Temperature').fill('0');
  await expect(page.getByText(/^Without chance all 4 would be the same text/)).toBeVisible();
  await lab.number('Temperature').fill('0.8');

  await lab.generate.focus();
  await page.keyboard.press('Enter');
  const side = page.getByRole('region', { name: 'Side by side', exact: true });
  const text = (number: number) =>
    side.getByRole('listitem', { name: `Continuation ${number}`, exact: true });
  const choose = (number: number) => side.getByRole('button', { name: `Choose continuation ${number}` });
  await expect(page.getByText('Done: 24 tokens.', { exact: true })).toBeVisible({ timeout: 60_000 });

  const sampling = { temperature: 0.8, topK: 0, topP: 0.95, minP: 0, repetitionPenalty: 1.1 };
  const prompt = await lab.prompt.inputValue();
  const base = { model: 'fairy-lckv', backend: 'cpu', prompt, maxNewTokens: 24 };
  const alone = (await headless(
    [1, 2, 3, 4].map((seed) => ({ ...base, sampling: { ...sampling, seed } })),
  )) as readonly { readonly text: string }[];
  for (const [i, { text: own }] of alone.entries()) {
    await expect(text(i + 1).locator('.text')).toHaveText(own, { useInnerText: false });
  }
  await expect(lab.output).toHaveText(alone[0]?.text ?? '');
  await expect(text(1)).toContainText('In Output');
  await expect(page.getByRole('status', { name: 'KV cache' })).toContainText('4 texts');
  await takePictures(lab, testInfo, 'side-by-side', { part: side });

  await choose(3).focus();
  await page.keyboard.press('Enter');
  await expect(side.getByRole('button', { name: 'Continuation 3 is in Output' })).toBeFocused();
  await expect(lab.output).toHaveText(alone[2]?.text ?? '');
  await expect(lab.number('Seed')).toHaveValue('3');
  await expect(text(3)).toContainText('In Output');
  await expect(page).toHaveURL(/texts=4/);
  const runs = page.getByRole('region', { name: 'Runs', exact: true });
  await expect(runs.getByRole('row', { name: /fairy/ })).toHaveCount(1);
  await runs.getByText('Name and text').first().click();
  await expect(runs).toContainText(alone[2]?.text ?? '');

  // Stop ends all of them.
  await lab.number('Max new tokens').fill('4000');
  await lab.generate.click();
  await expect(text(4).locator('.text')).not.toHaveText('');
  await lab.stop.click();
  await expect(text(4)).toContainText(/stopped after [\d,]+ tokens|ended by itself/);
  await expect(lab.generate).not.toHaveAttribute('aria-disabled', 'true');

  // A link brings the mode, and a single text ends it.
  await page.reload();
  await expect(lab.number('Continuations')).toHaveValue('4');
  await lab.number('Continuations').fill('1');
  await lab.number('Max new tokens').fill('8');
  await lab.generate.click();
  await expect(page.getByText(/^Done/).first()).toBeVisible({ timeout: 60_000 });
  await expect(side).toHaveCount(0);
});

test.describe('with a finger, at 390 px', () => {
  test.use({ hasTouch: true, viewport: { width: 390, height: 844 } });

  test('writes two continuations, and a tap chooses one', async ({ page }) => {
    const lab = await visit(page);
    await unfold(lab, 'Sampling');
    await lab.number('Continuations').fill('2');
    await lab.number('Max new tokens').fill('8');
    await lab.generate.tap();
    const side = page.getByRole('region', { name: 'Side by side', exact: true });
    const second = side.getByRole('listitem', { name: 'Continuation 2', exact: true });
    await expect(page.getByText('Done: 8 tokens.', { exact: true })).toBeVisible({ timeout: 60_000 });
    const choose = side.getByRole('button', { name: 'Choose continuation 2' });
    await choose.tap();
    await expect(second).toContainText('In Output');
    await expect(lab.output).toHaveText((await second.locator('.text').textContent()) ?? '');
  });
});
