import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Page } from 'playwright/test';
import { generate, visitOnCpu } from './lab.ts';

const shipped = 'public/models/fairy-llama';
let workshop = '';

test.beforeEach(() => {
  workshop = mkdtempSync(join(tmpdir(), 'kvtab-'));
});
test.afterEach(() => {
  rmSync(workshop, { recursive: true, force: true });
});

/** A folder of the test's own with the files of a shipped model. */
function copyModel(name: string): string {
  const folder = join(workshop, name);
  cpSync(shipped, folder, { recursive: true });
  return folder;
}

async function openByButton(page: Page, button: 'Open folder' | 'Open files', paths: string | string[]) {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: button, exact: true }).click();
  await (await chooser).setFiles(paths);
}

/** Drags files of this machine over the page, as a file manager does. */
async function dragOver(page: Page, files: readonly string[]) {
  const devtools = await page.context().newCDPSession(page);
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  const at = { x: 200, y: 200, data };
  await devtools.send('Input.dispatchDragEvent', { type: 'dragEnter', ...at });
  await devtools.send('Input.dispatchDragEvent', { type: 'dragOver', ...at });
  return () => devtools.send('Input.dispatchDragEvent', { type: 'drop', ...at });
}

test('a folder is opened by its button and runs, and the page says that a link cannot carry it', async ({
  page,
}) => {
  const lab = await visitOnCpu(page);
  await openByButton(page, 'Open folder', copyModel('my model'));
  await expect(lab.select('Model')).toHaveValue('folder:my-model');
  await expect(lab.layerTypes).toHaveValue('0_1_2_3_4_5_6_7');
  expect(await generate(lab, 4)).not.toBe('');
  await expect(page).toHaveURL(/model=folder:my-model/);
  await expect(page.getByText('This model was opened from a folder.')).toBeVisible();

  // Going back and forth between settings keeps the folder's model.
  await lab.number('Seed').fill('5');
  await expect(page).toHaveURL(/seed=5/);
  await page.goBack();
  await expect(lab.number('Seed')).toHaveValue('1');
  await expect(lab.select('Model')).toHaveValue('folder:my-model');
  await expect(page.getByRole('alert')).toHaveCount(0);

  await page.goForward();
  await page.reload();
  await expect(page.getByRole('alert')).toContainText('made with “my-model”, a model opened from a folder');
  await openByButton(page, 'Open folder', join(workshop, 'my model'));
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(lab.number('Seed')).toHaveValue('5');
});

test('files are opened by their button, and files without a model change nothing', async ({ page }) => {
  const lab = await visitOnCpu(page);
  await openByButton(page, 'Open files', [join(shipped, 'tokenizer.json')]);
  await expect(page.getByRole('alert')).toContainText('no config.json among these files (tokenizer.json)');
  await expect(lab.select('Model')).toHaveValue('fairy-lckv');

  const names = ['config.json', 'model.safetensors', 'tokenizer.json'];
  await openByButton(
    page,
    'Open files',
    names.map((name) => join(shipped, name)),
  );
  await expect(lab.select('Model')).toHaveValue('folder:files');
  expect(await generate(lab, 4)).not.toBe('');
});

test('folders can be dropped anywhere on the page, which shows a target', async ({ page }) => {
  const lab = await visitOnCpu(page);
  const target = page.getByText('Drop a model’s folder, or its files, to open it here');
  const outer = join(workshop, 'outer');
  cpSync(shipped, join(outer, 'inner'), { recursive: true });
  const drop = await dragOver(page, [outer]);
  await expect(target).toBeVisible();
  await drop();
  await expect(target).toBeHidden();
  await expect(lab.select('Model')).toHaveValue('folder:inner');
  expect(await generate(lab, 4)).not.toBe('');

  cpSync(shipped, join(outer, 'other'), { recursive: true });
  await (
    await dragOver(page, [outer])
  )();
  await expect(page.getByRole('alert')).toContainText('several models: outer/inner, outer/other');
});

test('a file that changed after it was opened is named, and the folder can be opened again', async ({
  page,
}) => {
  const lab = await visitOnCpu(page);
  const folder = copyModel('tiny');
  await openByButton(page, 'Open folder', folder);
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  appendFileSync(join(folder, 'config.json'), ' ');
  await lab.select('Weights').selectOption('f32');
  await expect(page.getByRole('alert')).toContainText('config.json cannot be read');
  await openByButton(page, 'Open folder', folder);
  await expect(lab.select('Model')).toHaveValue('folder:tiny-2');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
});
