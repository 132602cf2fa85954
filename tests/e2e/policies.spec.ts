import { expect, test } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { chatTemplate } from '../support/chat-template.ts';
import { chatOf, openModel } from './chat-model.ts';
import { headless } from './headless-answer.ts';
import { chooseGreedy, generate, takePictures, turnTo, visit } from './lab.ts';

test('a policy keeps what it says: text, figures, picture, tokens, link and runs agree', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  const lab = await visit(page);
  await chooseGreedy(lab);
  await lab.select('KV precision').selectOption('f32 (4 bytes)');
  const settings = page.locator('#cache');
  await expect(settings).toContainText('Nothing: the text is exact.');
  await expect(lab.number('Sinks')).toHaveCount(0);

  await lab.select('Cache policy').selectOption('H2O (heavy hitters)');
  await expect(lab.number('Heavy hitters')).toBeVisible();
  await expect(lab.number('Sinks')).toHaveCount(0);
  await expect(settings).toContainText('Lossy');
  await expect(settings).toContainText('H2O’s masking code hides the row');
  await lab.number('Budget (% of prompt)').fill('30');
  await lab.number('Heavy hitters').fill('8');
  await expect(settings).toContainText('leave out one of them');
  await lab.number('Budget (% of prompt)').fill('');
  await lab.number('Recent').fill('6');
  await expect(settings).toContainText('layer 0: 14 rows, layer 6: 14 rows, layer 7: 14 rows.');

  const text = await generate(lab, 30);
  const prompt = await lab.prompt.inputValue();
  const sampling = { temperature: 0 };
  const asked = { model: 'fairy-lckv', backend: 'cpu', kv: 'f32', prompt, maxNewTokens: 30, sampling };
  const [kept, all] = (await headless([
    { ...asked, policy: { id: 'h2o', heavy: 8, recent: 6 } },
    asked,
  ])) as readonly { readonly text: string; readonly kv: { readonly bytes: number } }[];
  expect(text).toBe(kept?.text);
  expect(kept?.text).not.toBe(all?.text);

  const picture = page.getByRole('region', { name: 'Plan and cache', exact: true });
  await expect(picture).toContainText(/after \d+ tokens, under H2O/);
  const stillHeld = picture.getByRole('region', { name: 'Tokens of the text that are still held' });
  await expect(stillHeld).toContainText(/\d+ of \d+ tokens are still held by some store/);
  await stillHeld.locator('summary').click();
  await expect(stillHeld.locator('s').first()).toBeVisible();
  const cells = picture.getByRole('application');
  await cells.press('Home');
  await expect(picture).toContainText(/Token 0 \(.+\), held by layer 0 in \d of \d KV heads, score \d/);
  for (let layer = 0; layer < 6; layer++) await cells.press('ArrowUp');
  await expect(picture).toContainText('read by 1–6');
  await picture.locator('summary', { hasText: 'As a table' }).click();
  await expect(picture.getByRole('row')).toHaveCount(9);
  await expect(picture.getByRole('row', { name: /^6 6 1–6 14 of \d+ / })).toBeVisible();

  await expect(page).toHaveURL(/policy=h2o&heavy=8&recent=6/);
  await expect(page.getByRole('region', { name: 'Runs', exact: true })).toContainText(
    'cache policy h2o, heavy hitters 8, recent 6',
  );
  await takePictures(lab, testInfo, 'policy', {
    part: picture,
  });
});

test('LESS offers the kernels that come with the model, says what they were trained for, and counts its state', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  const lab = await visit(page);
  await chooseGreedy(lab);
  const settings = page.locator('#cache');
  await lab.select('Cache policy').selectOption('LESS (rows and a small state)');
  await expect(lab.number('Sinks')).toBeVisible();
  await expect(lab.number('Heavy hitters')).toHaveCount(0);
  await expect(settings).toContainText('another budget (12 rows; these settings keep 29)');
  await lab.select('Trained kernels').selectOption('H2O (heavy hitters), 12 rows: less-h2o-12.safetensors');
  await expect(settings).toContainText('for another policy (H2O (heavy hitters))');
  await settings.getByRole('button', { name: 'Use the policy and rows that they were trained for' }).click();
  await expect(settings).not.toContainText('The kernels were trained for');
  await expect(lab.select('Rows kept by')).toHaveValue('h2o');
  await expect(lab.number('Heavy hitters')).toHaveValue('6');
  await expect(lab.number('Sinks')).toHaveCount(0);
  await expect(settings).toContainText('layer 0: 12 rows + state, layer 6: 12 rows + state');
  await expect(settings).toContainText(/Rows [\d.]+ KiB \+ state 6\.19 KiB/);

  await generate(lab, 12);
  await expect(lab.kv).toContainText(/rows [\d.]+ KiB \+ state 6\.19 KiB/);
  await expect(page).toHaveURL(/policy=less&sparse=h2o&kernels=less-h2o-12\.safetensors&heavy=6&recent=6/);
  await takePictures(lab, testInfo, 'less', {
    part: settings,
  });
});

test('without a policy the picture shows every token, and a bad link is said in words', async ({ page }) => {
  await page.goto('./#v=1&backend=cpu&policy=lru&recent=0');
  await expect(page.getByText(/policy cannot be “lru”/)).toBeVisible();
  await expect(page.getByText(/recent cannot be “0”/)).toBeVisible();
  const picture = page.getByRole('region', { name: 'Plan and cache', exact: true });
  await expect(picture).toContainText('Press Generate');
  await page.getByRole('spinbutton', { name: 'Max new tokens', exact: true }).fill('8');
  await page.getByRole('button', { name: 'Generate', exact: true }).click();
  await expect(picture).toContainText(/What the cache holds after 18 tokens/, { timeout: 60_000 });
  await picture.locator('summary', { hasText: 'As a table' }).click();
  for (const owner of ['0 0 0', '6 6 1–6', '7 7 7']) {
    await expect(picture.getByRole('row', { name: `${owner} 18 of 18 0–17 4.5 KiB` })).toBeVisible();
  }
  await expect(picture.getByRole('row', { name: '3 6 none none' })).toBeVisible();
});

test('published set-ups, contenders in Compare and a chat all take a policy', async ({ page }) => {
  const lab = await visit(page);
  await chooseGreedy(lab);
  await lab.number('Max new tokens').fill('12');
  const compare = page.getByRole('region', { name: 'Compare', exact: true });
  await turnTo(page, 'Compare');
  const add = compare.getByRole('button', { name: 'Add current settings' });
  await add.click();

  const published = lab.select('Published set-up');
  await expect(published).toHaveValue('');
  await published.selectOption('StreamingLLM: 4 sinks, and the rest of the context');
  await expect(lab.number('Recent')).toHaveValue('508');
  await add.click();
  await published.selectOption('H2O: 20 % of the prompt, half heavy hitters, half recent');
  await expect(page.locator('#cache').getByRole('link', { name: 'arXiv 2306.14048' })).toBeVisible();
  await lab.number('Budget (% of prompt)').fill('');
  await lab.number('Recent (% of budget)').fill('');
  await lab.number('Heavy hitters').fill('2');
  await lab.number('Recent').fill('2');
  await expect(published).toHaveValue('');
  await add.click();

  await compare.getByRole('button', { name: 'Compare' }).click();
  const column = (number: number) => compare.getByRole('listitem', { name: `Configuration ${number}` });
  await expect(column(3)).toContainText('KL, mean', { timeout: 60_000 });
  // A budget above the text changes nothing.
  await expect(column(2)).toContainText(/Top-1 agreement.*100 %/s);
  await expect(column(2).locator('mark')).toHaveCount(0);
  await expect(column(3)).not.toContainText(/Top-1 agreement.*100 %/s);

  await turnTo(page, 'Write');
  const chat = chatOf(page);
  await openModel(page, { 'chat_template.jinja': chatTemplate });
  await chat.choose.check();
  for (const [turn, message] of ['Who lives there?', 'And then?'].entries()) {
    await chat.message.fill(message);
    await chat.message.press('Enter');
    await expect(chat.log.getByRole('listitem')).toHaveCount(2 * (turn + 1), { timeout: 60_000 });
  }
  // It either goes on from its rows, or cannot go back and says so.
  await expect(
    page.getByText(/earlier tokens was kept|a cache that has evicted cannot go back/),
  ).toBeVisible();
  const picture = page.getByRole('region', { name: 'Plan and cache', exact: true });
  await picture.locator('summary', { hasText: 'As a table' }).click();
  await expect(picture.getByRole('row', { name: / 4 of \d+ / }).first()).toBeVisible();
});
