import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test, type Download, type Locator, type Page } from 'playwright/test';
import { unzip } from '../support/unzip.ts';
import { bringAxe } from './axe.ts';
import { openLab, takePictures, turnTo, visit } from './lab.ts';

const tale = `The old king had three daughters, and the youngest was the fairest of them all.

A fox came out of the wood one evening and asked for a little bread and cheese.

The miller laughed so loud that all his flour flew out of the window into the pond.
`;

const panelOf = (page: Page) => {
  const panel = page.getByRole('region', { name: 'Laboratory', exact: true });
  const button = (name: string) => panel.getByRole('button', { name, exact: true });
  return {
    panel,
    button,
    state: panel.getByRole('status', { name: 'Experiment', exact: true }),
    open: () => turnTo(page, 'Laboratory'),
    cell: (row: number, column: number) =>
      panel.locator('tbody tr:not(.items)').nth(row).locator('td').nth(column),
  };
};

async function save(page: Page, press: () => Promise<void>): Promise<Download> {
  const downloaded = page.waitForEvent('download');
  await press();
  return downloaded;
}

const textOf = async (download: Download) => readFileSync(await download.path(), 'utf8');

test('measures a text of one’s own in three clicks, as the command line does, and exports it', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  const lab = await visit(page);
  const { panel, button, state, open, cell } = panelOf(page);
  await open();
  await takePictures(lab, testInfo, 'laboratory-empty', {
    part: panel,
  });
  await panel.getByRole('textbox', { name: 'Your text' }).fill(tale);
  // The plan that is set is checked, and every member of the family is offered, as in Compare and Throughput.
  const plans = panel.getByRole('group', { name: 'Plans to compare', exact: true });
  await expect(plans.getByRole('checkbox', { checked: true })).toHaveAccessibleName(
    /^LCKV 0_6_6_6_6_6_6_7 · /,
  );
  await expect(plans.getByRole('checkbox', { name: / · trained: / })).toHaveCount(7);
  await expect(plans.getByRole('checkbox', { name: /^LCKV, warm-up layers 4 / })).toBeVisible();
  await panel.getByRole('checkbox', { name: /^Plain LLaMA/ }).check();
  await panel.getByRole('checkbox', { name: /Each paragraph/ }).check();
  await button('Measure my text').click();
  await expect(state).toHaveText('Done: 6 items.', { timeout: 60_000 });
  await expect(cell(1, 0)).toContainText('±');
  await expect(cell(0, 0)).toContainText('±');

  const results = await textOf(await save(page, () => button('Save results').click()));
  const csv = await textOf(await save(page, () => button('Export the results as CSV').click()));
  const experiment = await textOf(await save(page, () => button('Save experiment').click()));
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-e2e-'));
  try {
    writeFileSync(join(folder, 'experiment.json'), experiment);
    const lines = tale.split(/\n\n/).map((text) => `${JSON.stringify({ text })}\n`);
    writeFileSync(join(folder, 'my-text.jsonl'), lines.join(''));
    const args = ['tools/lab/run.mjs', join(folder, 'experiment.json'), '--table', 'csv', '--out'];
    const runLab = (out: string) => promisify(execFile)('node', [...args, join(folder, out)]);
    const alone = await runLab('alone.jsonl');
    // The page's arithmetic fuses multiply and add where the browser can, so the last digits differ.
    const [here, there] = [figuresOf(csv), figuresOf(alone.stdout)];
    expect(here).toHaveLength(8);
    for (const [i, { name, value }] of here.entries()) {
      expect(there[i]?.name).toBe(name);
      expect(value / (there[i]?.value ?? NaN)).toBeCloseTo(1, 5);
    }
    // The command line takes the page's records for its own: it adds nothing.
    writeFileSync(join(folder, 'page.jsonl'), results);
    await runLab('page.jsonl');
    expect(readFileSync(join(folder, 'page.jsonl'), 'utf8')).toBe(results);
  } finally {
    rmSync(folder, { recursive: true });
  }

  const zip = await save(page, () => button('Export the results as lm-eval files').click());
  const files = unzip(readFileSync(await zip.path()));
  const names = [...files.keys()].map((name) => name.replace(/\d{4}-[\dT-]+\.\d+/, 'DATE')).sort();
  expect(names).toEqual([
    ...['row-1/results_DATE.json', 'row-1/samples_text_DATE.jsonl'],
    ...['row-2/results_DATE.json', 'row-2/samples_text_DATE.jsonl'],
  ]);

  await panel.getByRole('button', { name: /^Items of row 1\b/ }).click();
  await expect(panel.getByRole('blockquote').first()).toHaveText(/The old king had three daughters/);
  await expect(panel).toContainText(/bits per byte; log-likelihood −?[-\d.]+ nats over \d+ tokens/);
  const png = await save(page, () =>
    panel.getByRole('button', { name: 'Save “Quality against KV” as PNG' }).click(),
  );
  expect(png.suggestedFilename()).toBe('kvtab-Quality-against-KV-Bits-per-byte-of-my-own-text.png');
  await takePictures(lab, testInfo, 'laboratory-results', {
    part: panel,
  });
});

/** Row, figure and value of each line of a table. */
const figuresOf = (csv: string) =>
  csv
    .trim()
    .split('\r\n')
    .slice(1)
    .map((line) => line.split('","'))
    .map(([row = '', , name = '', , value = '']) => ({ name: `${row} ${name}`, value: Number(value) }));

const items = { sha256: '298682ec0dcff2761375ff5e065def11f42081273f1b6c1335cd4dd77dcf2a70' };
const experiment = {
  experiment: 1,
  name: 'Two policies <b>',
  model: 'fairy-lckv',
  seed: 1,
  base: { mode: 'sequential', kv: 'f16', backend: 'cpu' },
  vary: [{ policy: [{ id: 'none' }, { id: 'sinks', sinks: 2, recent: 14 }] }],
  measure: [
    { id: 'word', kind: 'continuation', items: { ...items, name: 'fairy_last_word.jsonl' }, limit: 20 },
  ],
};

/** Presses “Pause” from within the page: on a busy machine, all is done before a test has seen the first item. */
const pauseAfterFirstItem = (panel: Locator) =>
  panel.evaluate((element) => {
    const observer = new MutationObserver(() => {
      const state = element.querySelector('[role="status"][aria-label="Experiment"]');
      if (!/^[1-9]\d* of /.test(state?.textContent ?? '')) return;
      observer.disconnect();
      for (const button of element.querySelectorAll('button')) {
        if (button.textContent === 'Pause experiment') button.click();
      }
    });
    observer.observe(element, { subtree: true, childList: true, characterData: true });
  });

test('an experiment of a link is paused, reloaded and continued, and equals one that was not', async ({
  page,
}) => {
  const link = `./#v=1&experiment=${encodeURIComponent(JSON.stringify(experiment))}`;
  await page.goto(link);
  const { panel, button, state, open } = panelOf(page);
  await expect(panel.getByRole('heading', { name: 'Two policies <b>' })).toBeVisible();
  await expect(state).toHaveText('Not started: 2 rows, 40 items.');
  await button('Estimate the cost').click();
  await expect(panel.getByRole('status', { name: 'Estimate the cost' })).toHaveText(
    /2 rows, 40 items to run: [\d,]+ tokens, about \d+ (s|min), at most [\d.]+ MiB of memory at once\./,
    { timeout: 60_000 },
  );
  await pauseAfterFirstItem(panel);
  await button('Start experiment').click();
  await expect(state).toHaveText(/^\d+ of 40 items are known/, { timeout: 60_000 });
  const known = Number.parseInt((await state.textContent()) ?? '', 10);
  expect(known).toBeGreaterThan(0);
  expect(known).toBeLessThan(40);

  await page.goto('./');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible({ timeout: 60_000 });
  await open();
  await expect(state).toHaveText(`${known} of 40 items are known. Continue whenever you like.`);
  await button('Continue experiment').click();
  await expect(state).toHaveText('Done: 40 items.', { timeout: 60_000 });
  const resumed = await textOf(await save(page, () => button('Save results').click()));

  // The same experiment again, without a break.
  await button('All experiments').click();
  await button('Delete “Two policies <b>”').click();
  await expect(button('Undo deleting')).toBeVisible();
  await page.goto('about:blank');
  await page.goto(link);
  await expect(state).toHaveText('Not started: 2 rows, 40 items.');
  await button('Start experiment').click();
  await expect(state).toHaveText('Done: 40 items.', { timeout: 60_000 });
  const whole = await textOf(await save(page, () => button('Save results').click()));
  const untimed = (text: string) => text.replace(/"ms":\d+/g, '"ms":0');
  expect(untimed(resumed)).toEqual(untimed(whole));
  // The page's own model is loaded again, and runs.
  await turnTo(page, 'Write');
  await expect(openLab(page).generate).toBeEnabled();
});

test('a link with a hostile experiment is refused in words, and files of another kind too', async ({
  page,
}) => {
  const hostile = { ...experiment, measure: [{ id: 'x', kind: 'rolling', text: { sha256: '../x' } }] };
  await page.goto(`./#v=1&experiment=${encodeURIComponent(JSON.stringify(hostile))}`);
  const { panel } = panelOf(page);
  await expect(panel.getByRole('alert')).toHaveText(/measure\[0\]\.text\.sha256: "\.\.\/x" is not a SHA-256/);
  const input = panel.locator('input[type=file][accept=".json,.jsonl"]');
  await input.setInputFiles({
    name: 'x.json',
    mimeType: 'application/json',
    buffer: Buffer.from('{"experiment":2}'),
  });
  await expect(panel.getByRole('alert')).toHaveText(/kvtab reads experiments of version 1/);
  await page.goto('about:blank');
  await page.goto(`./#v=1&experiment=${'x'.repeat(20_000)}`);
  await expect(page.getByText(/experiment/).first()).toBeVisible();
});
