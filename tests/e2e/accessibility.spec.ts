import { expect, test } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { chatTemplate } from '../support/chat-template.ts';
import { chatOf, openModel } from './chat-model.ts';
import { chooseGreedy, generate, openLab, shareLab, takePictures, turnTo, visit } from './lab.ts';

test('axe finds nothing on any view, narrow or wide, light or dark', async ({ page }, testInfo) => {
  await bringAxe(page);
  const lab = await visit(page);
  // Every panel: each has something to say before there is a run.
  const closed = page.locator('section > details:not([open]) > summary');
  while ((await closed.count()) > 0) await closed.first().click();
  await takePictures(lab, testInfo, 'at-first');
  await turnTo(page, 'Compare');
  await expect(page.getByRole('radio', { name: /^fairy-cla: / })).toBeVisible();
  await takePictures(lab, testInfo, 'compare');
  await turnTo(page, 'Write');

  await lab.select('Preset').selectOption('lasagna-top');
  await generate(lab, 6);
  await page.getByRole('option', { name: /^Layer 3 / }).click();
  await takePictures(lab, testInfo, 'run-off-the-trained-plan');

  await lab.layerTypes.fill('0s_6_x_6_9s_6_6_7_8');
  await lab.number('Top-p').fill('7');
  await takePictures(lab, testInfo, 'mistakes', { unfolded: true });

  await page.goto('./#v=1&colour=red&model=owner/name');
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(openLab(page).layerTypes).not.toHaveValue('');
  await takePictures(lab, testInfo, 'link-partly-wrong');
});

test('axe finds nothing on a chat, narrow or wide, light or dark', async ({ page }, testInfo) => {
  await bringAxe(page);
  const lab = await visit(page);
  const chat = chatOf(page);
  await openModel(page, { 'chat_template.jinja': chatTemplate });
  await chat.choose.check();
  await takePictures(lab, testInfo, 'chat-at-first');

  await chooseGreedy(lab);
  await lab.number('Max new tokens').fill('24');
  await chat.instructions.fill('Tell of the wood.');
  for (const message of ['Who lives there?', `And then?\n${'o'.repeat(60)}`]) {
    await chat.message.fill(message);
    await chat.message.press('Enter');
    await expect(chat.message).toHaveValue('');
    await expect(page.getByText(/^(Done|Stopped)\b/)).toBeVisible({ timeout: 60_000 });
  }
  await expect(chat.log.getByRole('listitem')).toHaveCount(4);
  await lab.number('Max new tokens').fill('2000');
  await chat.message.fill('More');
  await expect(chat.context).toContainText('past them the text falls apart');
  await lab.number('Top-p').fill('7');
  await takePictures(lab, testInfo, 'chat');
});

test.describe('on one page', () => {
  const theLab = shareLab();

  test('nothing scrolls sideways at 2560 px or at 320 px', async () => {
    const lab = theLab();
    const { page } = lab;
    for (const width of [2560, 320]) {
      await page.setViewportSize({ width, height: 1000 });
      await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      await expect(lab.generate).toBeInViewport();
    }
  });

  test('forced colours leave owners, arrows and selections visible', async () => {
    const { page } = theLab();
    await page.emulateMedia({ forcedColors: 'active' });
    await page.getByRole('option', { name: /^Layer 3 / }).click();
    const colours = await page.evaluate(() => {
      const style = (selector: string) => {
        const element = document.querySelector(selector);
        return element ? getComputedStyle(element) : null;
      };
      return {
        owner: style('.disc.owner')?.backgroundColor,
        reader: style('.disc:not(.owner)')?.backgroundColor,
        chosen: style('[aria-selected="true"]')?.outlineStyle,
      };
    });
    expect(colours.owner).not.toBe(colours.reader);
    expect(colours.chosen).toBe('solid');
    await page.screenshot({ path: test.info().outputPath('forced-colors.png'), fullPage: true });
  });

  test('in print there are prompt, text, plan and figures, and no buttons', async () => {
    const lab = theLab();
    const { page } = lab;
    await generate(lab, 4);
    await page.emulateMedia({ media: 'print' });
    await expect(lab.output).toBeVisible();
    await expect(lab.kv).toBeVisible();
    await expect(page.getByRole('region', { name: 'Printed run', exact: true })).toContainText(
      'Plan: 0_6_6_6_6_6_6_7 of fairy-lckv.',
    );
    await expect(lab.layerTypes).toBeHidden();
    await expect(lab.generate).toBeHidden();
    await expect(page.getByRole('button', { name: 'Undo' })).toBeHidden();
  });
});
