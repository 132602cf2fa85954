import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Page } from 'playwright/test';
import { finished, visit } from './lab.ts';

let workshop = '';

test.beforeEach(() => {
  workshop = mkdtempSync(join(tmpdir(), 'kvtab-'));
});
test.afterEach(() => {
  rmSync(workshop, { recursive: true, force: true });
});

/** Opens a copy of a shipped model whose authors suggest what `generation` says. */
async function openModel(page: Page, name: string, generation: object) {
  const folder = join(workshop, name);
  cpSync('public/models/fairy-llama', folder, { recursive: true });
  writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(generation));
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open folder', exact: true }).click();
  await (await chooser).setFiles(folder);
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
}

// Qwen2.5-Instruct's.
const generation = {
  do_sample: true,
  eos_token_id: 1,
  temperature: 0.7,
  top_p: 0.8,
  top_k: 20,
  repetition_penalty: 1.05,
};

test('what a model’s authors suggest is offered, taken or left, and each value says where it comes from', async ({
  page,
}) => {
  const lab = await visit(page);
  const offer = page.getByRole('status').filter({ hasText: "The model's authors suggest" });
  const temperature = lab.number('Temperature');
  await expect(offer).toHaveCount(0); // the shipped model suggests what the page opens with
  await expect(temperature).toHaveAccessibleDescription(/kvtab's default/);

  await temperature.fill('0.5');
  await expect(temperature).toHaveAccessibleDescription(/Source: you/);
  await openModel(page, 'chatty', generation);
  await expect(offer).toContainText(
    "The model's authors suggest temperature 0.7, top-k 20, top-p 0.8, repetition penalty 1.05.",
  );
  await expect(temperature).toHaveValue('0.5');
  await page.getByRole('button', { name: 'Keep mine', exact: true }).click();
  await expect(offer).toHaveCount(0);
  await expect(temperature).toHaveValue('0.5');

  await openModel(page, 'other', generation);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  await expect(offer).toHaveCount(0);
  for (const [name, value] of [
    ['Temperature', '0.7'],
    ['Top-k', '20'],
    ['Top-p', '0.8'],
    ['Repetition penalty', '1.05'],
  ] as const) {
    await expect(lab.number(name)).toHaveValue(value);
    await expect(lab.number(name)).toHaveAccessibleDescription(/Source: the model's authors/);
  }
  await expect(lab.number('Seed')).toHaveAccessibleDescription(/kvtab's default/);
  await expect(page).toHaveURL(/temperature=0\.7&topK=20&topP=0\.8&repetition=1\.05/);

  await page.goBack();
  await page.goForward();
  await expect(temperature).toHaveValue('0.7');
  await expect(temperature).toHaveAccessibleDescription(/Source: this link/);
});

test('a file without do_sample suggests the likeliest token each time, and the run still starts', async ({
  page,
}) => {
  const lab = await visit(page);
  await openModel(page, 'plain', { temperature: 0.7, top_p: 0.9 });
  const offer = page.getByRole('status').filter({ hasText: "The model's authors suggest temperature 0," });
  await expect(offer).toContainText('do_sample: true');
  await lab.number('Max new tokens').fill('3');
  await lab.generate.click();
  await finished(lab);
  await expect(offer).toBeVisible();
});
