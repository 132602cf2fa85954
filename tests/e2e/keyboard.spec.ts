import { expect, test, type Page } from 'playwright/test';
import { finished, shareLab, visit } from './lab.ts';

const focusedName = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : null;
    return label ?? element?.textContent.trim() ?? '';
  });

test('everything works without a pointer', async ({ page }) => {
  const lab = await visit(page);
  const atPrompt = () => lab.prompt.evaluate((prompt) => prompt === document.activeElement);
  for (let presses = 0; !(await atPrompt()); presses++) {
    expect(presses).toBeLessThan(6); // the tour is offered before it
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('The queen');

  // The picture of the plan comes after Generate, Stop, and the examples that stand where the text will.
  const layers = page.getByRole('listbox', { name: /^Layers/ });
  const atLayers = () => layers.evaluate((list) => list === document.activeElement);
  for (let presses = 0; !(await atLayers()); presses++) {
    expect(presses).toBeLessThan(12);
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('region', { name: 'Plan and cache', exact: true })).toContainText(
    'Layer 0 would hold 128 tokens, 32 KiB, read by 0',
  );

  // To the layer types, by Tab alone.
  for (let presses = 0; (await focusedName(page)) !== 'Layer types'; presses++) {
    expect(presses).toBeLessThan(40);
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('0_1_2_3_4_5_6_9');
  await expect(lab.layerTypes).toHaveAccessibleDescription('Layer 7: there is no layer 9');
  await page.keyboard.press('Backspace');
  await page.keyboard.type('7');

  for (let presses = 0; (await focusedName(page)) !== 'Max new tokens'; presses++) {
    expect(presses).toBeLessThan(30);
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('ControlOrMeta+a');
  // As in a long run: 200 may be over before the test looks.
  await page.keyboard.type('9000');
  await page.keyboard.press('ControlOrMeta+Enter');
  await expect(lab.output).not.toBeEmpty({ timeout: 60_000 });
  await page.keyboard.press('Escape');
  await expect(page.getByText(/^Stopped/)).toBeVisible({ timeout: 10_000 });
});

test.describe('on one page', () => {
  const theLab = shareLab();

  test('arrows, Home and End turn between the tabs, and Ctrl and Enter run nothing outside Write', async () => {
    const lab = theLab();
    const { page } = lab;
    const tab = (name: string) => page.getByRole('tab', { name, exact: true });
    await tab('Write').focus();
    for (const [key, name] of [
      ['ArrowLeft', 'Laboratory'],
      ['ArrowRight', 'Write'],
      ['End', 'Laboratory'],
      ['ArrowLeft', 'Throughput'],
      ['Home', 'Write'],
      ['ArrowRight', 'Compare'],
    ] as const) {
      await page.keyboard.press(key);
      await expect(tab(name)).toBeFocused();
      await expect(tab(name)).toHaveAttribute('aria-selected', 'true');
      await expect(page.getByRole('tabpanel')).toHaveCount(1);
    }
    // The others are one stop further with an arrow, and none with Tab.
    await expect(page.locator('[role=tab][tabindex="0"]')).toHaveText('Compare');
    // What was typed in a tab stays there.
    await page.keyboard.press('End');
    const ownText = page.getByRole('textbox', { name: 'Your text' });
    await ownText.fill('A fox came out of the wood.');
    await tab('Laboratory').press('Home');
    await page.keyboard.press('End');
    await expect(ownText).toHaveValue('A fox came out of the wood.');
    await page.keyboard.press('ControlOrMeta+Enter');
    await page.keyboard.press('Home');
    await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
    await expect(lab.output).toHaveText('');
  });

  test('Generate moves the focus to the field that blocks it', async () => {
    const lab = theLab();
    const { page } = lab;
    await lab.layerTypes.fill('0_6');
    await lab.generate.focus();
    await page.keyboard.press('Enter');
    await expect(lab.layerTypes).toBeFocused();
    await expect(lab.output).toBeEmpty();
  });

  test('the focus stays on Generate while it runs', async () => {
    const lab = theLab();
    const { page } = lab;
    await lab.number('Max new tokens').fill('4');
    await lab.generate.focus();
    await page.keyboard.press('Enter');
    await expect(lab.output).not.toBeEmpty({ timeout: 60_000 });
    await finished(lab);
    await expect(lab.generate).toBeFocused();
  });
});
