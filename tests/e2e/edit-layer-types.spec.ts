import { expect, test } from 'playwright/test';
import { chooseGreedy, finished, generate, shareLab, visit } from './lab.ts';

/** How often the page asked for a file of weights. */
let reads = 0;
const theLab = shareLab((page) => {
  reads = 0;
  page.context().on('request', (request) => {
    if (request.url().endsWith('.safetensors')) reads++;
  });
  return visit(page);
});

test('figures follow the plan while it is edited, before anything runs', async () => {
  const lab = theLab();
  await expect(lab.kv).toContainText('37.5 %');
  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await expect(lab.kv).toContainText('100 % of plain LLaMA');
  await expect(lab.kv).toContainText('2 KiB per token');
  await lab.select('KV precision').selectOption('f32');
  await expect(lab.kv).toContainText('4 KiB per token');
  await lab.layerTypes.fill('0_0_0_0_0_0_0_0');
  await expect(lab.kv).toContainText('12.5 % of plain LLaMA');
});

test('a preset writes its plan, and a plan selects its preset', async () => {
  const lab = theLab();
  await lab.select('Preset').selectOption('yoco');
  await expect(lab.layerTypes).toHaveValue('0s_1s_2s_3s_4_4_4_4');
  await lab.layerTypes.fill('0_0_2_2_4_4_6_6');
  await expect(lab.select('Preset')).toHaveValue('cla');
  await lab.layerTypes.fill('0_0_2_2_4_5_5_1');
  await expect(lab.select('Preset').locator('option:checked')).toHaveText('By hand');
});

// The first that runs something: before, there is no run to compare with.
test('the stored plan restores the stored weights', async () => {
  const lab = theLab();
  await chooseGreedy(lab);
  const stored = await generate(lab, 8);
  await lab.select('Preset').selectOption('lasagna-top');
  await expect(lab.page.getByText(/^The last run, against/)).toHaveCount(0);
  expect(await generate(lab, 8)).not.toBe(stored);
  await lab.layerTypes.fill('0_6_6_6_6_6_6_7');
  expect(await generate(lab, 8)).toBe(stored);
});

test('the KV in use shrinks with the plan, without reading the file again', async () => {
  const lab = theLab();
  const readsBefore = reads;
  expect(readsBefore).toBeGreaterThan(0);
  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await expect(lab.page.getByText(/converted .* expect poor text/)).toBeVisible();
  await generate(lab, 4);
  // 11 tokens of the prompt and 3 of the 4 new ones, in 8 caches of 256 bytes per row.
  await expect(lab.kv).toContainText('28 KiB in use');

  await lab.layerTypes.fill('0_6_6_6_6_6_6_7');
  await expect(lab.kv).toContainText('in use by the last run, fairy-lckv as 0_1_2_3_4_5_6_7');
  await generate(lab, 4);
  await expect(lab.kv).toContainText('10.5 KiB in use');
  // The text under a plan that the weights were not trained for is another one.
  await expect(
    lab.page.getByText(
      /^The last run, against the one before it: KV −62\.5 %, decod(e|ing) .*, text differs from word \d+\.$/,
    ),
  ).toBeVisible();
  expect(reads).toBe(readsBefore);
});

test('an edit during a run does not change its text and takes effect in the next run', async () => {
  const lab = theLab();
  await chooseGreedy(lab);
  const undisturbed = await generate(lab, 24);

  await lab.generate.click();
  await expect(lab.output).not.toBeEmpty({ timeout: 60_000 });
  await lab.layerTypes.fill('0_0_2_2_4_4_6_6');
  await expect(lab.kv).toContainText('50 % of plain LLaMA');
  await expect(lab.kv).toContainText('fairy-lckv as 0_6_6_6_6_6_6_7');
  await finished(lab);
  expect(await lab.output.textContent()).toBe(undisturbed);

  await generate(lab, 4);
  await expect(lab.page.getByRole('table').getByText('0_0_2_2_4_4_6_6', { exact: true })).toBeVisible();
});

test('a mistake is reported at its layer and the text is kept', async () => {
  const lab = theLab();
  await lab.layerTypes.fill('0_6_6_6_9_6_6_7');
  await expect(lab.layerTypes).toHaveAttribute('aria-invalid', 'true');
  await expect(lab.layerTypes).toHaveAccessibleDescription('Layer 4: there is no layer 9');
  await expect(lab.generate).toBeDisabled();
  await expect(lab.layerTypes).toHaveValue('0_6_6_6_9_6_6_7');

  await lab.layerTypes.fill('0_6_6_6_6_6_6_7');
  await expect(lab.layerTypes).toHaveAttribute('aria-invalid', 'false');
  await expect(lab.generate).toBeEnabled();
});

test('a missing or invalid number is marked and blocks Generate', async () => {
  const lab = theLab();
  await lab.number('Top-p').fill('1.5');
  await expect(lab.number('Top-p')).toHaveAttribute('aria-invalid', 'true');
  await expect(lab.number('Top-p')).toHaveAccessibleDescription('Enter a number from 0 to 1.');
  await lab.number('Seed').fill('');
  await expect(lab.page.getByText('Correct first: Top-p, Seed.')).toBeVisible();
  await expect(lab.generate).toBeDisabled();
  await lab.number('Top-p').fill('0.9');
  await lab.number('Seed').fill('7');
  await expect(lab.generate).toBeEnabled();
});

test('the page warns before a text exceeds the context', async () => {
  const lab = theLab();
  await lab.number('Max new tokens').fill('600');
  await expect(lab.prompt).toHaveAccessibleDescription(/600 new tokens\) exceed|600 new tokens exceed/);
  await expect(lab.generate).toBeEnabled();
});
