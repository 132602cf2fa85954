import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page } from 'playwright/test';
import { formatBytes } from '../../web/ui/format.ts';
import type { PeerEngine } from '../../worker/protocol/peer.ts';
import { writeTinyCheckpoint, type tinyConfigs } from '../support/tiny-checkpoint-folder.ts';
import { turnTo, visitOnCpu, type Lab } from './lab.ts';

/** A link to a comparison of plain LLaMA in kvtab and in transformers.js. */
export const peerLink = (changes: Readonly<Record<string, string>>, engine = 'transformers.js') =>
  `./#${new URLSearchParams({
    ...{
      v: '1',
      model: 'fairy-llama',
      layers: '0_1_2_3_4_5_6_7',
      max: '12',
      temperature: '0',
      repetition: '1',
    },
    ...{ '1.model': 'fairy-llama', '2.model': 'fairy-llama', '2.engine': engine, ...changes },
  }).toString()}`;

/** The panel of comparisons, as visitors know it. */
export const compareOf = (page: Page) => {
  const part = page.getByRole('region', { name: 'Compare', exact: true });
  return {
    part,
    column: (number: number) => part.getByRole('listitem', { name: `Configuration ${number}` }),
    /** Compares in one round, and waits for the end. */
    run: async () => {
      await turnTo(page, 'Compare');
      await part.getByRole('combobox', { name: 'Rounds' }).selectOption('1');
      await part.getByRole('button', { name: 'Compare', exact: true }).click();
      await expect(part.getByRole('blockquote')).toBeVisible({ timeout: 90_000 });
    },
  };
};

/** Notes the addresses that a page and its workers ask for. */
export function noteRequests(page: Page): readonly string[] {
  const asked: string[] = [];
  page.context().on('request', (request) => asked.push(request.url()));
  return asked;
}

/** The addresses of other sites that were asked for. */
export const elsewhere = (asked: readonly string[], baseURL: string | undefined): readonly string[] => {
  const { origin } = new URL(String(baseURL));
  return asked.filter((url) => !url.startsWith('blob:') && new URL(url).origin !== origin);
};

/** Which files of other engines were asked for. */
export const engineFilesOf = (asked: readonly string[]): readonly string[] =>
  asked.filter((url) => url.includes('/peer/')).map((url) => String(url.split('/').at(-1)));

/**
 * Compares plain LLaMA with itself in another engine, by the checkboxes of the family. What that downloads is said before,
 * and nothing is loaded until it is asked for.
 */
export async function comparePlainLlama(page: Page, engine: PeerEngine, downloadBytes: number) {
  const asked = noteRequests(page);
  const lab = await visitOnCpu(page);
  await lab.select('Model').selectOption('fairy-llama');
  await lab.number('Max new tokens').fill('12');
  await turnTo(page, 'Compare');
  const { part, column, run } = compareOf(page);
  const about = part.getByRole('group', { name: `Another engine: ${engine}` });
  await expect(about).toContainText(`${formatBytes(downloadBytes)} at its first use`);
  // What the page suggests beside it.
  await part.getByRole('checkbox', { name: 'LCKV', exact: true }).uncheck();
  await expect(part.getByRole('checkbox', { name: 'Plain LLaMA', exact: true })).toBeChecked();
  await part.getByRole('checkbox', { name: `Plain LLaMA in ${engine}`, exact: true }).check();
  expect(engineFilesOf(asked)).toEqual([]);
  await run();
  await expect(column(2)).toContainText(
    /Its 12 greedy tokens after the same \d+ tokens are those of kvtab\./,
  );
  await expect(column(2)).toContainText(/Prefill time.*ms.*1 round/s);
  await expect(column(2)).toContainText(/Decode speed.*tokens\/s.*1 round/s);
  return { asked, lab, part, column, about };
}

/**
 * Opens a checkpoint of another family, and compares it as stored and in 4 bits with itself in another engine: those are
 * the columns 2 and 4.
 *
 * @param prepare sets what else both compute with
 */
export async function compareTinyCheckpoint(
  page: Page,
  kind: keyof typeof tinyConfigs,
  engine: PeerEngine,
  prepare: (lab: Lab) => Promise<void>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-'));
  try {
    const model = join(folder, kind);
    writeTinyCheckpoint(model, kind);
    const lab = await visitOnCpu(page);
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Open folder', exact: true }).click();
    await (await chooser).setFiles(model);
    await expect(lab.select('Model')).toHaveValue(`folder:${kind}`);
    await prepare(lab);
    const { part, column, run } = compareOf(page);
    for (const weights of ['As stored', '4-bit']) {
      await turnTo(page, 'Write');
      await lab.select('Weights').selectOption(weights);
      await turnTo(page, 'Compare');
      await part.getByRole('button', { name: 'Add current settings' }).click();
      await part
        .getByRole('checkbox', { name: new RegExp(`in ${engine.replace('.', String.raw`\.`)}$`) })
        .first()
        .check();
    }
    await run();
    return { column };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
