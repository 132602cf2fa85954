import { expect, test, type Page } from 'playwright/test';
import { chatTemplate } from '../support/chat-template.ts';
import { chatOf, openModel } from './chat-model.ts';
import { chooseGreedy, generate, openLab, visitOnCpu, type Lab } from './lab.ts';

const kvInUse = async (lab: Lab) => (await lab.kv.textContent()) ?? '';

test('a chat continues from its KV, warns before the context is full, and leaves no trace in the address', async ({
  page,
}) => {
  const lab = await visitOnCpu(page);
  const chat = chatOf(page);
  await expect(chat.choose).toBeDisabled();
  await expect(page.getByText('has no chat template')).toBeVisible();

  await openModel(page, { 'chat_template.jinja': chatTemplate });
  await chat.choose.check();
  await chooseGreedy(lab);
  await lab.number('Max new tokens').fill('8');
  await chat.instructions.fill('Tell of the wood.');
  await chat.message.fill('Who lives there?');
  await expect(chat.context).toContainText(/Next turn: \d+ tokens and up to 8 new, of \d+/);
  await chat.message.press('Enter');
  await expect(chat.log.getByRole('listitem')).toHaveCount(2, { timeout: 60_000 });
  const first = await kvInUse(lab);

  await chat.message.fill('<b id="owned">And then?</b>');
  await page.getByRole('button', { name: 'Send' }).click();
  await expect(chat.log.getByRole('listitem')).toHaveCount(4, { timeout: 60_000 });
  await expect(page.getByText(/Read \d+ new tokens; the KV of \d+ earlier tokens was kept/)).toBeVisible();
  expect(await kvInUse(lab)).not.toBe(first);
  await expect(chat.log).toContainText('<b id="owned">');
  await expect(page.locator('#owned')).toHaveCount(0);

  // However long the chat, its newest turn and the message box are visible together.
  await page.setViewportSize({ width: 1000, height: 600 });
  await chat.message.fill('Why?\n'.repeat(40));
  await chat.message.press('Enter');
  await expect(chat.log.getByRole('listitem')).toHaveCount(6, { timeout: 60_000 });
  await chat.message.scrollIntoViewIfNeeded();
  await expect(chat.log.getByRole('listitem').last()).toBeInViewport();
  await page.getByRole('group', { name: 'Turns' }).press('Home');
  await expect(chat.log.getByRole('listitem').first()).toBeInViewport();

  await lab.number('Max new tokens').fill('2000');
  await chat.message.fill('More');
  await expect(chat.context).toContainText('past them the text falls apart');
  expect(page.url()).not.toContain('wood');
  expect(page.url()).not.toContain('then');

  await page.getByRole('button', { name: 'Edit last message' }).click();
  await expect(chat.message).toHaveValue(/^Why\?\nWhy/);
  await expect(chat.log.getByRole('listitem')).toHaveCount(4);

  // Nothing is lost by a wrong press.
  const undo = page.getByRole('button', { name: 'Undo removing' });
  await undo.click();
  await expect(chat.message).toHaveValue('More');
  await expect(chat.log.getByRole('listitem')).toHaveCount(6);
  await page.getByRole('button', { name: 'New chat' }).click();
  await expect(page.getByText('The conversation was removed.')).toBeVisible();
  await expect(chat.log.getByRole('listitem')).toHaveCount(0);
  await undo.click();
  await expect(chat.log.getByRole('listitem')).toHaveCount(6);
});

const slowRegex = {
  type: 'Sequence',
  normalizers: [{ type: 'Replace', pattern: { Regex: '(a|aa)+$' }, content: 'b' }],
};

test('a tokenizer that never ends is stopped, the page stays usable, and another model runs', async ({
  page,
}) => {
  const lab = await visitOnCpu(page);
  const tokenizer = JSON.parse(
    await (await page.request.get('./models/fairy-lckv/tokenizer.json')).text(),
  ) as object;
  await openModel(page, { 'tokenizer.json': JSON.stringify({ ...tokenizer, normalizer: slowRegex }) });
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await lab.prompt.fill(`${'a'.repeat(200)}!`);
  const startMs = Date.now();
  await lab.generate.click();
  // The page responds while the tokenizer hangs.
  await lab.number('Seed').fill('7');
  await expect(page.getByRole('alert')).toContainText('did not answer within', { timeout: 10_000 });
  expect(Date.now() - startMs).toBeLessThan(8000);
  await lab.prompt.fill('Once');
  expect(await generate(lab, 4)).not.toBe('');
  await lab.select('Model').selectOption('fairy-lckv');
  expect(await generate(lab, 4)).not.toBe('');
});

test('a template that never ends is refused, and markup in its error stays text', async ({ page }) => {
  await visitOnCpu(page);
  const chat = chatOf(page);
  const endless = '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}';
  await openModel(page, { 'chat_template.jinja': endless });
  await chat.choose.check();
  await chat.message.fill('Hello');
  await expect(chat.context).toContainText('chat template cannot be used', { timeout: 10_000 });

  const markup = "{{ raise_exception('<img src=x onerror=alert(1)>') }}";
  await openModel(page, { 'chat_template.jinja': markup });
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await chat.message.press('Enter');
  await expect(page.getByRole('alert')).toContainText('<img src=x');
  await expect(page.locator('img[src="x"]')).toHaveCount(0);
  await expect(chat.message).toHaveValue('Hello');
  expect(await generateText(page)).not.toBe('');
});

async function generateText(page: Page): Promise<string> {
  await page.getByRole('radio', { name: 'Text', exact: true }).check();
  return generate(openLab(page), 4);
}
