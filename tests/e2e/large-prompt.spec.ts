import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Page } from 'playwright/test';
import { generate, visitOnCpu } from './lab.ts';

const tale = (characters: number) =>
  'The king said that the fox was in the wood. '.repeat(Math.ceil(characters / 44)).slice(0, characters);

/** What the main thread did for `work`, in milliseconds. */
async function timesOf(page: Page, work: () => Promise<void>) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const read = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (wanted: string) => (metrics.find(({ name }) => name === wanted)?.value ?? NaN) * 1000;
    return { script: of('ScriptDuration'), layout: of('LayoutDuration') };
  };
  const before = await read();
  await work();
  const after = await read();
  await session.detach();
  return { script: after.script - before.script, layout: after.layout - before.layout };
}

/** Watches for tasks of more than 50 ms, of which scripts of the page take a part. */
const observeLongTasks = (page: Page) =>
  page.evaluate(() => {
    const durations: number[] = [];
    Object.assign(window, { longTasks: durations });
    const note = (list: PerformanceObserverEntryList) =>
      durations.push(...list.getEntries().map(({ duration }) => duration));
    new PerformanceObserver(note).observe({ type: 'longtask' });
  });
const longestTask = (page: Page) =>
  page.evaluate(() => Math.max(0, ...(window as unknown as { longTasks: number[] }).longTasks.splice(0)));

test('typing into a prompt of a megabyte is as quick as the browser’s own field', async ({
  page,
}, testInfo) => {
  const lab = await visitOnCpu(page);
  const text = tale(1_000_000);
  await observeLongTasks(page);
  const filled = await timesOf(page, () => lab.prompt.fill(text));
  // With dir="auto", Chromium lays a paragraph of this length out for seconds at every key.
  await expect(lab.prompt).toHaveAttribute('dir', 'ltr');
  await lab.prompt.press('End');
  await longestTask(page);

  const keys = 10;
  const typed = await timesOf(page, async () => {
    for (let key = 0; key < keys; key++) await lab.prompt.press('x');
  });
  testInfo.annotations.push({
    type: 'measured',
    description: JSON.stringify({ filled, typed, longestTaskMs: await longestTask(page) }),
  });
  expect(typed.script / keys).toBeLessThan(50);
  expect((await lab.prompt.inputValue()).length).toBe(text.length + keys);

  await lab.generate.click();
  await expect(page.getByRole('alert')).toContainText(
    /its first 400000 characters alone have \d+ tokens, more than the 65536 that kvtab reads/,
  );
  await lab.prompt.fill('Once');
  expect(await generate(lab, 3)).not.toBe('');
});

test('a prompt of five megabytes is refused without being read to its end', async ({ page }) => {
  const lab = await visitOnCpu(page);
  await lab.prompt.fill(tale(5_000_000));
  await lab.generate.click();
  await expect(page.getByRole('alert')).toContainText('its first 400000 characters alone');
});

test('Stop ends the tokenizing of a long prompt, and the next run works', async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-'));
  try {
    cpSync('public/models/fairy-llama', folder, { recursive: true });
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as object;
    // With such a context, a text of three megabytes is not refused.
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({ ...config, max_position_embeddings: 131_072 }),
    );
    const lab = await visitOnCpu(page);
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Open folder', exact: true }).click();
    await (await chooser).setFiles(folder);
    await expect(page.getByText('Ready.', { exact: true })).toBeVisible();

    await lab.prompt.fill(tale(3_000_000));
    await lab.generate.click();
    await expect(page.getByText('Reading the prompt', { exact: true })).toBeVisible();
    await lab.stop.click();
    await expect(page.getByText('Stopped after 0 tokens.', { exact: true })).toBeVisible({ timeout: 5000 });
    await expect(page.getByRole('alert')).toHaveCount(0);

    await lab.prompt.fill('Once');
    expect(await generate(lab, 3)).not.toBe('');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
