import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { generate, visit } from './lab.ts';

test('a prompt that the tokenizer changes has a notice that says where', async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-'));
  try {
    cpSync('public/models/fairy-llama', folder, { recursive: true });
    const tokenizer = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as object;
    const lower = { ...tokenizer, normalizer: { type: 'Lowercase' } };
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(lower));
    const lab = await visit(page);
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Open folder', exact: true }).click();
    await (await chooser).setFiles(folder);
    await expect(page.getByText('Ready.', { exact: true })).toBeVisible();

    await lab.prompt.fill('the King');
    await generate(lab, 2);
    const said = 'The tokenizer changes this prompt: at character 5, "K" became "k".';
    await expect(lab.prompt).toHaveAccessibleDescription(said);
    await lab.prompt.fill('the king');
    await expect(lab.prompt).toHaveAccessibleDescription('');
    await generate(lab, 2);
    await expect(page.getByText(said)).toHaveCount(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
