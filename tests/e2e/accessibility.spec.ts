import { expect, test } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { chatTemplate } from '../support/chat-template.ts';
import { chatOf, openModel } from './chat-model.ts';
import {
  chooseGreedy,
  generate,
  openEveryPanel,
  openLab,
  shareLab,
  takePictures,
  turnTo,
  visit,
} from './lab.ts';

// Stories of their own, because to look at a view four times takes a busy machine half a minute.
test.describe('axe finds nothing, narrow or wide, light or dark', () => {
  const theLab = shareLab(async (page) => {
    await bringAxe(page);
    return visit(page);
  });

  test('on every panel before a run', async () => {
    const lab = theLab();
    await openEveryPanel(lab.page);
    await takePictures(lab, test.info(), 'at-first');
  });

  test('on a comparison that has not begun', async () => {
    const lab = theLab();
    await turnTo(lab.page, 'Compare');
    await expect(lab.page.getByRole('radio', { name: /^fairy-cla: / })).toBeVisible();
    await takePictures(lab, test.info(), 'compare');
  });

  test('on every panel after a run under a plan that the model was not trained for', async () => {
    const lab = theLab();
    await openEveryPanel(lab.page);
    await lab.select('Preset').selectOption('lasagna-top');
    await generate(lab, 6);
    await lab.page.getByRole('option', { name: /^Layer 3 / }).click();
    await takePictures(lab, test.info(), 'run-off-the-trained-plan');
  });

  test('on every panel beside mistakes in fields', async () => {
    const lab = theLab();
    await openEveryPanel(lab.page);
    await lab.layerTypes.fill('0s_6_x_6_9s_6_6_7_8');
    await lab.number('Top-p').fill('7');
    await takePictures(lab, test.info(), 'mistakes', { unfolded: true });
  });

  test('on every panel of a link that is partly wrong', async () => {
    const { page } = theLab();
    await openEveryPanel(page);
    await page.goto('./#v=1&colour=red&model=owner/name');
    await expect(page.getByRole('alert')).toBeVisible();
    const lab = openLab(page);
    await expect(lab.layerTypes).not.toHaveValue('');
    await takePictures(lab, test.info(), 'link-partly-wrong');
  });
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
