import { readFileSync } from 'node:fs';
import { expect, test, type Page } from 'playwright/test';
import { peerExperiment, peerExperimentLink } from '../support/peer-experiment.ts';
import { bringAxe } from './axe.ts';
import { openLab, takePictures, turnTo, visitOnCpu } from './lab.ts';
import { noteRequests } from './peer-stories.ts';

const panelOf = (page: Page) => {
  const panel = page.getByRole('region', { name: 'Laboratory', exact: true });
  return {
    panel,
    button: (name: string) => panel.getByRole('button', { name, exact: true }),
    state: panel.getByRole('status', { name: 'Experiment', exact: true }),
    row: (number: number) =>
      panel
        .getByRole('region', { name: 'Results' })
        .locator('tbody tr:not(.items)')
        .nth(number - 1),
    notes: panel.getByRole('list', { name: 'About rows' }),
    saved: async (name: string) => {
      const downloaded = page.waitForEvent('download');
      await panel.getByRole('button', { name, exact: true }).click();
      return readFileSync(await (await downloaded).path(), 'utf8');
    },
  };
};

const impossible = 'Impossible in transformers.js: layer 1 reads the keys and values of layer 0';

test('an experiment times transformers.js beside kvtab, is stopped, reloaded and continued, and exported', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  await page.route('**/peer/**/*.wasm', () => undefined);
  await page.goto(`./${peerExperimentLink()}`);
  const { panel, button, state, row, notes, saved } = panelOf(page);
  await expect(state).toHaveText('Not started: 4 rows, 8 items.');
  await button('Start experiment').click();
  // transformers.js never gets its WebAssembly, so the second row waits.
  await expect(state).toHaveText(/^1 of 8 items/, { timeout: 60_000 });
  await button('Stop experiment').click();
  await expect(state).toHaveText('1 of 8 items are known. Continue whenever you like.');

  await page.unroute('**/peer/**/*.wasm');
  await page.reload();
  await expect(state).toHaveText('1 of 8 items are known. Continue whenever you like.');
  await button('Continue experiment').click();
  await expect(state).toHaveText('Done: 8 items.', { timeout: 90_000 });
  // Throughput, prefill and decode, each with the range of both rounds and the ratio to the first row.
  for (const column of [0, 1, 2])
    await expect(row(2).locator('td').nth(column)).toHaveText(/\d \[[\d.,]+, [\d.,]+\]\s*[+−][\d.,]+ %/);
  await expect(row(4).locator('td').first()).toHaveText('–');
  await expect(notes.getByRole('listitem')).toHaveText([
    /^Row 2, layers 0_1_2_3_4_5_6_7 · engine transformers\.js: transformers\.js 4\.[\d.]+, ONNX Runtime 1\.\S+; WebAssembly, 1 thread, ort-wasm-simd-threaded\.wasm, f32 weights, computed in f32, greedy$/,
    new RegExp(`^Row 4, .*${impossible}`),
  ]);
  await panel.getByRole('button', { name: /^Items of row 2\b/ }).click();
  await expect(panel).toContainText(
    /1 sequence of 5 \+ 8 tokens: prefill [\d.]+ ms, decode [\d.]+ ms; memory, as seen from outside: [\d.]+ MiB WebAssembly memory/,
  );
  await takePictures(openLab(page), testInfo, 'peer-laboratory', { part: panel });

  const [head, ...records] = (await saved('Save results')).trim().split('\n');
  expect(JSON.parse(head ?? '')).toMatchObject({ experiment: peerExperiment });
  const kinds = records.map((record) => (JSON.parse(record) as { measured: { kind: string } }).measured.kind);
  expect(kinds.toSorted()).toEqual([
    ...['peer-speed', 'peer-speed', 'speed', 'speed', 'speed', 'speed', 'unmeasured', 'unmeasured'],
  ]);
  expect(await saved('Export the results as CSV')).toContain(impossible);
  const markdown = await saved('Export the results as Markdown');
  expect(markdown).toMatch(/- .*engine transformers\.js: transformers\.js 4\.\d/);
  expect(markdown).toContain(impossible);
  await page.reload();
  await expect(state).toHaveText('Done: 8 items.');
  await expect(notes).toContainText(impossible);
});

test('a failure of transformers.js is said, the rest is measured, and Continue tries it again', async ({
  page,
}) => {
  await page.route('**/peer/**/*.wasm', (route) => route.abort());
  await page.goto(`./${peerExperimentLink()}`);
  const { button, state, notes } = panelOf(page);
  await button('Start experiment').click();
  await expect(button('Continue experiment')).toBeVisible({ timeout: 60_000 });
  await expect(state).toHaveText('6 of 8 items are known. Continue whenever you like.');
  await expect(notes).toContainText('its file ort-wasm-simd-threaded.wasm could not be loaded');
  await page.unroute('**/peer/**/*.wasm');
  await button('Continue experiment').click();
  await expect(state).toHaveText('Done: 8 items.', { timeout: 90_000 });
  await expect(notes).not.toContainText('could not be loaded');
});

test('the form offers transformers.js for speed alone, says its size, and asks nothing of it before', async ({
  page,
}) => {
  const asked = noteRequests(page);
  await visitOnCpu(page);
  await turnTo(page, 'Laboratory');
  const { panel, button, state } = panelOf(page);
  await panel.getByText('Make your own').click();
  await expect(panel).toContainText(/transformers\.js 4\.[\d.]+, [\d.]+ MiB; wllama 3\.[\d.]+, [\d.]+ MiB/);
  await panel.getByRole('checkbox', { name: 'transformers.js', exact: true }).check();
  await button('Prepare the experiment').click();
  await expect(panel.getByRole('alert')).toHaveText(/can only be timed/);
  await panel.getByRole('checkbox', { name: 'Bits per byte of tales' }).uncheck();
  await panel.getByRole('checkbox', { name: 'Speed and largest batch' }).check();
  await button('Prepare the experiment').click();
  await expect(state).toHaveText('Not started: 2 rows, 10 items.');
  await expect(panel.getByRole('rowheader').nth(1)).toContainText('engine transformers.js');
  expect(asked.filter((url) => url.includes('/peer/'))).toEqual([]);
});

test('a link that asks another engine for more than speed, or for an engine that is none, is refused in words', async ({
  page,
}) => {
  const more = {
    ...peerExperiment,
    measure: [...peerExperiment.measure, { id: 'recall', kind: 'recall', distances: [0] }],
  };
  await page.goto(`./${peerExperimentLink(more)}`);
  const { panel } = panelOf(page);
  await expect(panel).toContainText(
    'engine: transformers.js can only be timed, and "recall" is no measure of speed',
  );
  await page.goto('about:blank');
  await page.goto(`./${peerExperimentLink({ ...peerExperiment, vary: [{ engine: ['kvtab', 'onnx'] }] })}`);
  await expect(panel).toContainText(/engine.*onnx/);
});
