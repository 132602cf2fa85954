import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { zeroCheckpoint } from '../support/zero-checkpoint.ts';
import { describeTaken, Heaps } from './heaps.ts';
import { visit } from './lab.ts';

const MOST_ADDED_BYTES = 200e6;

/** Writes a sparse checkpoint of zeros, which takes no room on disk, and returns its size in bytes. */
function writeCheckpoint(folder: string): number {
  const { config, head, sizeBytes } = zeroCheckpoint();
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), config);
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  writeSync(file, head);
  ftruncateSync(file, sizeBytes);
  closeSync(file);
  return sizeBytes;
}

test('loads half a gigabyte without large heaps', async ({ page }) => {
  const workshop = mkdtempSync(join(tmpdir(), 'kvtab-'));
  try {
    const folder = join(workshop, 'large');
    expect(writeCheckpoint(folder)).toBeGreaterThan(500e6);
    const lab = await visit(page);
    const heaps = new Heaps(await page.context().newCDPSession(page));
    await heaps.watch();

    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Open folder', exact: true }).click();
    await (await chooser).setFiles(folder);
    await expect(lab.select('Model')).toHaveValue('folder:large');
    const taken = await heaps.until(page.getByText('Ready.', { exact: true }));
    test.info().annotations.push({ type: 'memory', description: describeTaken(taken) });
    expect(taken.samples).toBeGreaterThan(3);
    expect(taken.peak - taken.stays).toBeLessThan(MOST_ADDED_BYTES);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
});
