import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'playwright/test';
import { unzip } from '../support/unzip.ts';
import { visitOnCpu } from './lab.ts';

const plan = '0_5_5_5_5_5_6_7';
let workshop = '';

test.beforeEach(() => {
  workshop = mkdtempSync(join(tmpdir(), 'kvtab-'));
});
test.afterEach(() => {
  rmSync(workshop, { recursive: true, force: true });
});

/** Runs the headless runner from its command line. */
function askHeadless(requests: readonly object[]): readonly { logits: number[][]; tokens: number[] }[] {
  const input = JSON.stringify(requests);
  const { stdout, stderr } = spawnSync('node', ['tools/headless/run.mjs'], { input, encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as { logits: number[][]; tokens: number[] }[];
}

test('an edited plan is exported as a zip, and the exported model gives the same numbers', async ({
  page,
}) => {
  // Like a browser that does not let pages write into folders.
  await page.addInitScript(() => Reflect.deleteProperty(window, 'showDirectoryPicker'));
  const lab = await visitOnCpu(page);
  await lab.layerTypes.fill(plan);
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export model', exact: true }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe('fairy-lckv-export.zip');
  await expect(page.getByText('LCKV’s Python code and this page can read it.')).toBeVisible();
  const zip = join(workshop, 'export.zip');
  await download.saveAs(zip);

  for (const [path, bytes] of unzip(readFileSync(zip))) {
    mkdirSync(dirname(join(workshop, path)), { recursive: true });
    writeFileSync(join(workshop, path), bytes);
  }
  const asked = { backend: 'cpu', kv: 'f32', tokens: [5, 6, 7, 8], logits: [0, 3], maxNewTokens: 12 };
  const [before, after] = askHeadless([
    { ...asked, model: 'fairy-lckv', config: { layer_types: plan } },
    { ...asked, model: join(workshop, 'fairy-lckv-export') },
  ]);
  // The stored plan's layers 1 to 5 read layer 6, so the new owner 5 gets a copy: the same to the bit.
  expect(after?.logits).toEqual(before?.logits);
  expect(after?.tokens).toEqual(before?.tokens);
});

test('the export makes a new folder inside the chosen one and overwrites nothing', async ({ page }) => {
  // Instead of a chosen folder: the private folder of the page, which needs no permission.
  await page.addInitScript(() => {
    Object.assign(window, { showDirectoryPicker: () => navigator.storage.getDirectory() });
  });
  await visitOnCpu(page);
  for (const folder of ['fairy-lckv-export', 'fairy-lckv-export-2']) {
    await page.getByRole('button', { name: 'Export model', exact: true }).click();
    await expect(page.getByText(`to the folder ${folder}. LCKV`)).toBeVisible();
  }
  const written = await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle('fairy-lckv-export-2');
    const file = await (await folder.getFileHandle('model.safetensors')).getFile();
    const config = await (await folder.getFileHandle('config.json')).getFile();
    return { bytes: file.size, config: await config.text() };
  });
  expect(JSON.parse(written.config)).toEqual(
    JSON.parse(readFileSync('public/models/fairy-lckv/config.json', 'utf8')),
  );
  // Only the JSON of the header differs from the shipped file.
  expect(
    Math.abs(written.bytes - readFileSync('public/models/fairy-lckv/model.safetensors').length),
  ).toBeLessThan(500);
});

test('a failed export says why, and leaves the page usable', async ({ page }) => {
  await page.addInitScript(() => {
    Object.assign(window, {
      showDirectoryPicker: async () => {
        const root = await navigator.storage.getDirectory();
        const folder = await root.getDirectoryHandle('gone', { create: true });
        await root.removeEntry('gone');
        return folder;
      },
    });
  });
  await visitOnCpu(page);
  await page.getByRole('button', { name: 'Export model', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('could not be written');
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export as zip', exact: true }).click();
  expect((await downloading).suggestedFilename()).toBe('fairy-lckv-export.zip');
});
