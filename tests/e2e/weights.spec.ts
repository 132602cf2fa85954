import { expect, test } from 'playwright/test';
import { headless } from './headless-answer.ts';
import { chooseGreedy, generate, visit } from './lab.ts';

test('loads weights in 4 bits, with embeddings and head on request, and writes it into the link', async ({
  page,
}) => {
  const lab = await visit(page);
  const everything = page.getByRole('checkbox', { name: 'Embeddings and head too', exact: true });
  await expect(everything).toHaveCount(0);
  await lab.select('Weights').selectOption('4-bit');
  await everything.check();
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page).toHaveURL(/weights=q4&embeddings=true/);
  expect(await generate(lab, 6)).not.toBe('');
});

test('4-bit weights with 8-bit inputs, which WebGPU refuses, write on the CPU what the headless runner writes', async ({
  page,
}) => {
  const lab = await visit(page);
  await chooseGreedy(lab);
  await lab.select('Weights').selectOption('4-bit × 8-bit');
  await expect(
    page.getByText(/inputs of 8 bits are computed on the CPU alone: choose the backend CPU/),
  ).toBeVisible();
  await lab.select('Backend').selectOption('CPU');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page).toHaveURL(/weights=w4a8/);
  // Under most prompts 24 tokens are the same with inputs of 16 bits.
  const prompt = 'When the moon rose';
  await lab.prompt.fill(prompt);
  const written = await generate(lab, 24);
  const request = { model: 'fairy-lckv', backend: 'cpu', prompt, mode: 'parallel', maxNewTokens: 24 };
  const [answer, withSixteen] = await headless(
    ['w4a8', 'q4'].map((weights) => ({ ...request, weights, sampling: { temperature: 0 } })),
  );
  expect(answer).toMatchObject({ text: written });
  expect(withSixteen).not.toMatchObject({ text: written });
});
