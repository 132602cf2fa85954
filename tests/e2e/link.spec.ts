import { expect, test } from 'playwright/test';
import { headless } from './headless-answer.ts';
import { chooseGreedy, generate, openLab, visit } from './lab.ts';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test('a copied link restores the settings, loads nothing, and then gives the same text', async ({
  page,
  context,
}) => {
  const lab = await visit(page);
  await chooseGreedy(lab);
  await lab.layerTypes.fill('0_0_2_2_4_4_6_6');
  await lab.prompt.fill('The queen & the wolf');
  const text = await generate(lab, 6);
  await page.getByRole('button', { name: 'Copy link' }).click();
  await expect(page.getByText('Link copied.')).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toContain(
    '#v=1&layers=0_0_2_2_4_4_6_6&mode=fastest&prompt=The+queen+%26+the+wolf&max=6&temperature=0',
  );

  const other = await context.newPage();
  const asked: string[] = [];
  other.on('request', (request) => asked.push(request.url()));
  await other.goto(link);
  const reopened = openLab(other);
  await expect(reopened.layerTypes).toHaveValue('0_0_2_2_4_4_6_6');
  await expect(reopened.prompt).toHaveValue('The queen & the wolf');
  await expect(reopened.number('Temperature')).toHaveValue('0');
  await expect(other.getByText('No model is loaded yet.')).toBeVisible();
  expect(asked.filter((url) => /safetensors|config\.json|tokenizer/.test(url))).toEqual([]);
  await other.getByRole('button', { name: 'Load the model', exact: true }).click();
  await expect(other.getByText('Ready.', { exact: true })).toBeVisible();
  expect(await generate(reopened, 6)).toBe(text);
});

test('an example stands where the text will stand, keeps the prompt, and gives way to the text', async ({
  page,
}) => {
  const lab = await visit(page);
  const examples = page.getByRole('navigation', { name: 'Examples', exact: true }).getByRole('link');
  await expect(examples).toHaveCount(8);
  await expect(lab.output).toHaveText('');
  await lab.prompt.fill('The queen & the wolf');
  await examples.filter({ hasText: 'An untrained plan' }).click();
  await expect(lab.select('Model')).toHaveValue('fairy-llama');
  await expect(lab.layerTypes).toHaveValue('0_6_6_6_6_6_6_7');
  await expect(lab.prompt).toHaveValue('The queen & the wolf');
  const band = page.getByRole('note').filter({ hasText: 'Untrained plan: expect poor text.' });
  await band.getByRole('button', { name: 'LCKV, fairy tales, 3.4M' }).click();
  await expect(lab.select('Model')).toHaveValue('fairy-lckv');
  await expect(band).toHaveCount(0);
  await expect(page).not.toHaveURL(/fairy-llama/);
  await page.goBack();
  await expect(band).toBeVisible();
  await page.goBack();
  await expect(lab.select('Model')).toHaveValue('fairy-lckv');
  await expect(lab.prompt).toHaveValue('The queen & the wolf');
  expect(await generate(lab, 3)).not.toBe('');
  await expect(examples).toHaveCount(0);
});

test('a copied request gives the same text without a browser', async ({ page }) => {
  const lab = await visit(page);
  await lab.select('Backend').selectOption('cpu');
  await lab.layerTypes.fill('0_1_2_3_4_4_4_4');
  await lab.select('Cache policy').selectOption('sinks');
  await lab.number('Seed').fill('7');
  const text = await generate(lab, 24);
  await page.getByRole('button', { name: 'Copy as a headless request', exact: true }).click();
  await expect(page.getByText('Request copied.')).toBeVisible();
  const request = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as object;
  expect(await headless([request])).toMatchObject([{ text }]);
});

test('config.json and a Python program are copied with the plan as edited, by keyboard too', async ({
  page,
}) => {
  const lab = await visit(page);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const prompt = 'A "queen"\nand \\ a 🦊';
  await lab.prompt.fill(prompt);
  await chooseGreedy(lab);
  await lab.layerTypes.fill('0_1_5_5_5_5_6_7');
  await button('Copy config.json').press('Enter');
  await expect(page.getByText('config.json for LCKV’s code copied.')).toBeVisible();
  const json = await copied();
  expect(JSON.parse(json)).toMatchObject({ model_type: 'lckv-llama', layer_types: '0_1_5_5_5_5_6_7' });

  await button('Copy Python for LCKV').press('Enter');
  await expect(page.getByText('Python copied.')).toBeVisible();
  const program = await copied();
  expect(program).toContain('import models  # registers lckv-llama');
  expect(program).toContain('PROMPT = "A \\"queen\\"\\nand \\\\ a 🦊"');
  expect(program).toContain('WANTED = [0, 1, 5, 5, 5, 5, 6, 7]');
  expect(program).toContain('do_sample=False');

  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await button('Copy config.json').click();
  await expect(page.getByText('config.json for transformers copied.')).toBeVisible();
  expect(JSON.parse(await copied())).toMatchObject({ model_type: 'llama' });
  await lab.layerTypes.fill('0_1_2_3_4_5_6_9');
  await expect(button('Copy config.json')).toHaveAttribute('aria-disabled', 'true');
});

test('the address follows edits, and back and forward restore them', async ({ page }) => {
  const lab = await visit(page);
  expect(new URL(page.url()).hash).toBe('');
  await lab.select('Preset').selectOption('lasagna-top');
  await expect(page).toHaveURL(/#v=1&layers=1_1_3_3_5_5_7_7&mode=fastest$/);
  await lab.number('Seed').fill('7');
  await expect(page).toHaveURL(/&seed=7$/);
  await page.goBack();
  await expect(lab.number('Seed')).toHaveValue('1');
  await expect(lab.layerTypes).toHaveValue('1_1_3_3_5_5_7_7');
  await page.goBack();
  await expect(lab.layerTypes).toHaveValue('0_6_6_6_6_6_6_7');
  await page.goForward();
  await page.goForward();
  await expect(lab.number('Seed')).toHaveValue('7');
});

test('invalid parts of a link are listed and ignored', async ({ page }) => {
  await page.goto('./#v=1&seed=5&colour=red&topP=seven&layers=0_6_6_6_9_6_6_7');
  const lab = openLab(page);
  const notice = page.getByRole('alert');
  await expect(notice).toContainText('“colour” is not known');
  await expect(notice).toContainText('topP cannot be “seven”');
  await expect(lab.number('Seed')).toHaveValue('5');
  await expect(lab.number('Top-p')).toHaveValue('0.95');
  await expect(lab.layerTypes).toHaveValue('0_6_6_6_9_6_6_7');
  await expect(lab.layerTypes).toHaveAttribute('aria-invalid', 'true');
});

test('a model from elsewhere is named and nothing is fetched', async ({ page, baseURL }) => {
  const elsewhere: string[] = [];
  page.context().on('request', (request) => {
    if (!request.url().startsWith(String(baseURL)) || request.url().includes('safetensors')) {
      elsewhere.push(request.url());
    }
  });
  await page.goto('./#v=1&model=whynlp/tinyllama-lckv-w2-ft-100b@3f2a91c');
  await expect(page.getByRole('alert')).toContainText('whynlp/tinyllama-lckv-w2-ft-100b@3f2a91c');
  await expect(page.getByRole('alert')).toContainText('nothing was downloaded');
  expect(elsewhere).toEqual([]);
});

test('text of a link never becomes markup', async ({ page }) => {
  const evil = encodeURIComponent('<img src=x onerror="document.title=1"><script>document.title=1</script>');
  await page.goto(`./#v=1&prompt=${evil}&layers=${evil}&${evil}=${evil}&model=${evil}`);
  await expect(page.getByRole('alert')).toContainText('<img src=x');
  expect(await page.locator('img[src="x"]').count()).toBe(0);
  await expect(page).toHaveTitle(/kvtab/);
});
