import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright/test';

/** Opens the shipped model from a folder with other text files. The folder exists as long as the page. */
export async function openModel(page: Page, files: Readonly<Record<string, string>>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-'));
  page.once('close', () => rmSync(folder, { recursive: true, force: true }));
  cpSync('public/models/fairy-lckv', folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open folder', exact: true }).click();
  await (await chooser).setFiles(folder);
}

export const chatOf = (page: Page) => ({
  choose: page.getByRole('radio', { name: 'Chat', exact: true }),
  instructions: page.getByRole('textbox', { name: 'Instructions', exact: true }),
  message: page.getByRole('textbox', { name: 'Message', exact: true }),
  log: page.getByRole('log', { name: 'Conversation' }),
  context: page.getByRole('status', { name: 'Context' }),
});
