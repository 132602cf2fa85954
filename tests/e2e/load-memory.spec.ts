import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { writeZeroCheckpoint } from '../support/zero-checkpoint-folder.ts';
import { describeTaken, Heaps } from './heaps.ts';
import { visit } from './lab.ts';

const MOST_ADDED_BYTES = 200e6;

test('loads half a gigabyte without large heaps', async ({ page }) => {
  const workshop = mkdtempSync(join(tmpdir(), 'kvtab-'));
  try {
    const folder = join(workshop, 'large');
    expect(writeZeroCheckpoint(folder)).toBeGreaterThan(500e6);
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
