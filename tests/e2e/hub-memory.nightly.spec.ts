import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { removeFolder } from '../../tools/setup/remove-folder.mjs';
import { startHub } from '../support/hub-server.ts';
import { zeroCheckpoint } from '../support/zero-checkpoint.ts';
import { describeTaken, Heaps, type Taken } from './heaps.ts';

const NAME = 'zeros/large';
const MOST_ADDED_BYTES = 200e6;

function largeRepository() {
  const { config, head, sizeBytes } = zeroCheckpoint();
  const weights = new Uint8Array(sizeBytes);
  weights.set(head);
  const files = new Map([
    ['config.json', new TextEncoder().encode(config)],
    ['model.safetensors', weights],
  ]);
  return { commit: '0'.repeat(40), files };
}

function holdToBound(what: string, taken: Taken): void {
  test.info().annotations.push({ type: what, description: describeTaken(taken) });
  expect(taken.samples).toBeGreaterThan(3);
  expect(taken.peak - taken.stays).toBeLessThan(MOST_ADDED_BYTES);
}

test('half a gigabyte is downloaded, and loaded from the device, with little memory', async ({
  playwright,
  baseURL,
}) => {
  const server = await startHub({ [NAME]: largeRepository() });
  // A private window would keep what is stored in memory.
  const profile = mkdtempSync(join(tmpdir(), 'kvtab-'));
  const { launchOptions } = test.info().project.use;
  const browser = await playwright.chromium.launchPersistentContext(profile, {
    ...launchOptions,
    ...(baseURL === undefined ? {} : { baseURL }),
    serviceWorkers: 'block',
  });
  try {
    const page = await browser.newPage();
    await page.goto('./#v=1&seed=5'); // a link loads nothing by itself
    await page.getByRole('textbox', { name: 'Endpoint', exact: true }).fill(server.endpoint);
    await page.getByRole('textbox', { name: 'Repository', exact: true }).fill(NAME);
    const ready = page.getByText('Ready.', { exact: true });
    const heaps = new Heaps(await browser.newCDPSession(page));
    await heaps.watch();
    await page.getByRole('button', { name: 'Load model', exact: true }).click();
    holdToBound('download', await heaps.until(ready));

    await page.goto('about:blank');
    await page.goto('./#v=1&seed=5');
    await page.getByRole('button', { name: `Load ${NAME} from this device`, exact: true }).click();
    holdToBound('start from the device', await heaps.until(ready));
  } finally {
    await browser.close();
    await server.stop();
    await removeFolder(profile);
  }
});
