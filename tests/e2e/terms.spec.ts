import { expect, test, type Page } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { chooseGreedy, generate, shareLab, takePictures, turnTo, visit } from './lab.ts';

const questionOf = (page: Page, term: string) =>
  page.getByRole('button', { name: `What is “${term}”?`, exact: true });
const answerOf = (page: Page, term: string) => page.getByRole('dialog', { name: term, exact: true });

/** What needs no question mark: plain words, or explained by the panel’s own sentences beside it. */
const plain: readonly string[] = [
  // Text that a person writes, and models that a person names.
  ...['Prompt', 'Model', 'Repository', 'Endpoint', 'Access token', 'Remember the token on this device'],
  // What a list or its own sentence says.
  ...['Reads layer', 'Text', 'Chat', 'Published set-up', '32-bit weights become'],
  ...['Watch which rows the policy keeps', 'Select several', 'Show', 'Heads together'],
  ...['Time the kernels', 'Measure every token', 'Compare with the exact result'],
  // A machine and a text that a person thinks up.
  ...['Name', 'Your text', 'Each paragraph is an item of its own', 'Layer plans', 'Combinations'],
  ...[
    'Most items of a measure',
    'Large model',
    'Context (tokens)',
    'GPU memory (GiB)',
    'Its weights',
    'Prompt tokens',
    'New tokens',
  ],
];

/** Fields whose labels have no question mark, of what is shown now. */
const unexplained = (page: Page) =>
  page.evaluate(() => {
    const shown = (element: Element) => element.getClientRects().length > 0;
    // What is chosen from a list by its name is named by the list.
    const chosen = (field: Element) => field.matches('main fieldset input, main label > input');
    const fields = [...document.querySelectorAll<HTMLInputElement>('input, select, textarea')].filter(
      (field) => shown(field) && !chosen(field),
    );
    const names = fields.flatMap((field) => {
      const label = field.getAttribute('aria-label') ?? field.labels?.[0]?.textContent ?? '';
      const near = field.closest('.field, .check') ?? field.parentElement;
      const asks = near?.querySelector(`[aria-label="What is “${label.trim()}”?"]`);
      return asks ? [] : [label.trim()];
    });
    return [...new Set(names)];
  });

test.describe('on one page', () => {
  const theLab = shareLab(async (page) => {
    await bringAxe(page);
    return visit(page);
  });

  test('says why a term matters, draws the setting, and puts its numbers into the formula', async () => {
    const lab = theLab();
    const { page } = lab;
    await lab.number('Temperature').fill('0.5');
    const question = questionOf(page, 'Temperature');
    await question.focus();
    await page.keyboard.press('Enter');
    const answer = answerOf(page, 'Temperature');
    await expect(answer).toContainText('The likeliest word is often the dullest.');
    await expect(answer.getByRole('img')).toHaveAccessibleName(/filled, at temperature 0\.5/);
    await expect(answer).toContainText('p = softmax(logits / 0.5)');
    // Escape closes it, and the focus is where it was.
    await page.keyboard.press('Escape');
    await expect(answer).toBeHidden();
    await expect(question).toBeFocused();

    // It is asked again, and has the numbers of now.
    await lab.number('Temperature').fill('0');
    await question.click();
    await expect(answer).toContainText('the likeliest token, always');
    // The rest of the page can be used meanwhile: a press elsewhere closes it.
    await page.getByRole('heading', { name: 'kvtab' }).click();
    await expect(answer).toBeHidden();
  });

  test('stays inside the page, narrow and wide, light and dark', async () => {
    const lab = theLab();
    const { page } = lab;
    for (const term of ['KV cache', 'Plan and cache']) {
      await questionOf(page, term).click();
      await expect(answerOf(page, term).getByRole('img')).toBeVisible();
      await takePictures(lab, test.info(), term.replaceAll(' ', '-'), { part: answerOf(page, term) });
      await page.keyboard.press('Escape');
    }
  });

  test('explains the plan that is edited, and the policy that is chosen', async () => {
    const lab = theLab();
    const { page } = lab;
    await questionOf(page, 'Layer types').click();
    await expect(answerOf(page, 'Layer types')).toContainText('0_6_6_6_6_6_6_7: 3 / 8 = 37.5 %');
    await page.keyboard.press('Escape');
    await lab.layerTypes.fill('0_0_2_2_4_4_6_6');
    await questionOf(page, 'Layer types').click();
    await expect(answerOf(page, 'Layer types')).toContainText('4 / 8 = 50.0 %');
    await page.keyboard.press('Escape');
    await lab.select('Cache policy').selectOption('sinks');
    await lab.number('Recent').fill('60');
    await questionOf(page, 'Sinks and recent (StreamingLLM)').click();
    const policy = answerOf(page, 'Sinks and recent (StreamingLLM)');
    await expect(policy).toContainText('= 64 rows');
    await expect(policy.getByRole('link', { name: /arXiv 2309\.17453/ })).toBeVisible();
  });

  test('has a question mark at every setting and figure of the page, or a reason for none', async () => {
    const lab = theLab();
    const { page } = lab;
    await chooseGreedy(lab);
    const seen: string[] = [];
    const look = async () => {
      seen.push(...(await unexplained(page)));
    };
    for (const policy of ['none', 'sinks', 'h2o', 'keyformer', 'tova', 'less']) {
      await lab.select('Cache policy').selectOption(policy);
      await look();
    }
    await lab.select('Weights').selectOption('4-bit');
    await generate(lab, 4);
    for (const panel of ['Why it matters', 'Heal', 'Charts', 'Tokens', 'Attention', 'Convergence']) {
      const part = page.getByRole('region', { name: panel, exact: true });
      await part.locator('summary').first().click();
      await expect(part.locator('.inside p, .inside input').first()).toBeVisible();
    }
    await page.getByRole('button', { name: 'Show what the last token reads' }).click();
    await expect(page.getByRole('combobox', { name: 'Heads together' })).toBeVisible();
    await look();
    for (const figure of ['KV cache', 'Decode speed', 'Prefill speed', 'Adapter', 'Plan and cache']) {
      await expect(questionOf(page, figure)).toBeVisible();
    }
    await turnTo(page, 'Compare');
    await expect(questionOf(page, 'Quality against KV')).toBeVisible();
    await look();
    await turnTo(page, 'Throughput');
    for (const term of ['Throughput', 'Memory budget, MiB', 'Time at most', 'Rounds']) {
      await expect(questionOf(page, term)).toBeVisible();
    }
    await look();
    await turnTo(page, 'Laboratory');
    await expect(page.getByRole('heading', { name: 'Laboratory' }).first()).toBeVisible();
    await look();
    expect([...new Set(seen)].filter((name) => !plain.includes(name))).toEqual([]);
  });
});

test('can be asked by touch on a phone', async ({ browser }, testInfo) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true });
  const page = await context.newPage();
  await bringAxe(page);
  const lab = await visit(page);
  await questionOf(page, 'KV cache').tap();
  const answer = answerOf(page, 'KV cache');
  await expect(answer.getByRole('img')).toBeVisible();
  const box = await answer.boundingBox();
  expect(box?.x).toBeGreaterThanOrEqual(0);
  expect((box?.x ?? 0) + (box?.width ?? 999)).toBeLessThanOrEqual(390);
  await page.screenshot({ path: testInfo.outputPath('term-on-a-phone.png') });
  await answer.getByRole('button', { name: 'Close' }).tap();
  await expect(answer).toBeHidden();
  expect(lab.page).toBe(page);
  await context.close();
});
