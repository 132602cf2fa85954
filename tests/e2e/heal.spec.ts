import { readFile } from 'node:fs/promises';
import { expect, test, type Locator, type Page } from 'playwright/test';
import { bringAxe } from './axe.ts';
import { unzip } from '../support/unzip.ts';
import { openLab, takePictures, visitOnCpu } from './lab.ts';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test.beforeEach(({ page }) => bringAxe(page));

/** Gives the model so short a context that a step, a measurement and a sample take a tenth of their time. */
const shortenContext = (page: Page) =>
  page.context().route('**/models/fairy-lckv/config.json', async (route) => {
    const response = await route.fetch();
    const config = (await response.json()) as object; // our own file
    await route.fulfill({ response, json: { ...config, max_position_embeddings: 24 } });
  });

/** Notes each step of 100 that is said from now on: on a busy machine, several pass until a test looks again. */
async function stepsSaid(standing: Locator): Promise<() => Promise<readonly number[]>> {
  const steps = await standing.evaluateHandle((element) => {
    const noted: number[] = [];
    new MutationObserver(() => {
      const [, step] = /step (\d+) of 100/.exec(element.textContent) ?? [];
      if (step !== undefined) noted.push(Number(step));
    }).observe(element, { subtree: true, childList: true, characterData: true });
    return noted;
  });
  return () => steps.jsonValue();
}

test('a plan is healed, stopped, continued after a reload, kept, and taken back', async ({
  page,
}, testInfo) => {
  const lab = await visitOnCpu(page);
  await lab.layerTypes.fill('0_3_3_3_3_3_3_7');
  const part = page.getByRole('region', { name: 'Heal', exact: true });
  const button = (name: string) => part.getByRole('button', { name, exact: true });
  const standing = part.getByRole('status', { name: 'Healing', exact: true });
  await part.locator('summary').first().click();
  await expect(part.getByText(/^Memory: .* MiB \(weights/)).toBeVisible();
  await button('Heal').click();
  await expect(standing).toContainText(/step [1-9]\d* of 100/, { timeout: 90_000 });
  await expect(part.getByText('What it writes before')).toBeVisible();
  await button('Stop').click();
  await expect(standing).toContainText(/Stopped after step \d+ of 100/, { timeout: 60_000 });
  const step = Number(/step (\d+)/.exec((await standing.textContent()) ?? '')?.[1]);
  // The chart has one point, and the page says why.
  await expect(part).toContainText(
    /The held-out text is read every \d+ steps, so far only before the first one: what the /,
  );

  await page.reload();
  await part.locator('summary').first().click();
  await expect(standing).toHaveText(
    `A healing of fairy-lckv under 0_3_3_3_3_3_3_7 can continue after step ${step} of 100.`,
  );
  // Beside it, Heal says that it would begin again.
  await expect(button('Heal from the first step')).toBeVisible();
  const steps = await stepsSaid(standing);
  await button('Continue').click();
  await expect.poll(async () => (await steps()).at(-1), { timeout: 90_000 }).toBeGreaterThan(step);
  await button('Stop').click();
  await expect(standing).toContainText(/Stopped after step \d+ of 100/, { timeout: 60_000 });
  expect(await steps()).toContain(step + 1);
  expect(Math.min(...(await steps()))).toBeGreaterThanOrEqual(step);
  await expect(part.getByRole('img', { name: /^Held-out bits per byte/ })).toBeVisible();
  await button('Copy link to this healing').click();
  await expect(part.getByText('Link copied.')).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toMatch(/layers=0_3_3_3_3_3_3_7.*&heal=projections-100$/);
  await takePictures(lab, testInfo, 'heal', { part });

  await button('Keep the healed model').click();
  await expect(part.getByText(/is among the stored models/)).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await expect(lab.layerTypes).toHaveValue('0_3_3_3_3_3_3_7');
  await expect(page.getByText(/, healed on this device, stored /)).toBeVisible();
  await button('Undo healing').click();
  await expect(standing).toHaveText('Nothing is being healed.');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await expect(lab.select('Model')).toHaveValue('fairy-lckv');
  await expect(lab.layerTypes).toHaveValue('0_3_3_3_3_3_3_7');
});

test('a healed model is offered wherever its plan is chosen, until it is deleted', async ({
  page,
}, testInfo) => {
  await shortenContext(page);
  const plan = '0_3_3_3_3_3_3_7';
  const foreign: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('healed.invalid')) foreign.push(request.url());
  });
  const heal = page.getByRole('region', { name: 'Heal', exact: true });
  const keepHealed = async (steps: number) => {
    await heal.getByRole('spinbutton', { name: 'Steps' }).fill(String(steps));
    await heal.getByRole('button', { name: 'Heal', exact: true }).click();
    await heal.getByRole('button', { name: 'Keep the healed model' }).click({ timeout: 90_000 });
    await expect(heal.getByText(/is among the stored models/)).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  };
  let lab = await visitOnCpu(page);
  await lab.layerTypes.fill(plan);
  await heal.locator('summary').first().click();
  await keepHealed(1);
  await heal.getByRole('button', { name: 'Undo healing', exact: true }).click();
  await expect(heal.getByRole('status', { name: 'Healing', exact: true })).toHaveText(
    'Nothing is being healed.',
  );
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await keepHealed(2);

  lab = await visitOnCpu(page);
  const band = page.getByRole('note').filter({ hasText: 'Untrained plan' });
  const offers = band.getByRole('button', { name: /^fairy-lckv healed, \d steps?, / });
  const sharing = page.getByRole('group', { name: 'KV sharing', exact: true });
  await lab.layerTypes.fill(plan);
  await expect(offers).toHaveText([/2 steps/, /1 step,/]);
  await expect(sharing.getByRole('button', { name: /^Load fairy-lckv healed, / })).toHaveCount(2);
  await takePictures(lab, testInfo, 'healed-offer', { unfolded: true });
  await offers.first().click();
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await expect(lab.select('Model')).toHaveValue(`healed/fairy-lckv-${plan}`);
  await expect(lab.layerTypes).toHaveValue(plan);
  await expect(band).toHaveCount(0);
  // The older one is still offered beside the newer.
  await expect(sharing.getByRole('button', { name: /^Load fairy-lckv healed, 1 step,/ })).toBeVisible();

  // A link to the healed model opens it from this device.
  await page.reload();
  await page.getByRole('button', { name: 'Load it', exact: true }).click();
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  lab = openLab(page);
  await expect(lab.select('Model')).toHaveValue(`healed/fairy-lckv-${plan}`);

  const hub = page.getByRole('group', { name: 'Models from the Hub', exact: true });
  await hub
    .getByRole('button', { name: /^Check healed\// })
    .first()
    .click();
  await expect(hub.getByText(/was read again: every digest is right/)).toBeVisible();
  await lab.select('Model').selectOption('fairy-lckv');
  await lab.layerTypes.fill(plan);
  await expect(offers).toHaveCount(2);
  await hub.getByRole('button', { name: 'Delete all' }).click();
  await expect(offers).toHaveCount(0);
  await hub.getByRole('button', { name: 'Undo' }).click();
  await expect(offers).toHaveCount(2);
  expect(foreign).toEqual([]);
});

test('a page that computes in 4 bits heals the weights of the files, says so, and exports them', async ({
  page,
}) => {
  await shortenContext(page);
  // Like a browser that does not let pages write into folders.
  await page.addInitScript(() => Reflect.deleteProperty(window, 'showDirectoryPicker'));
  const lab = await visitOnCpu(page);
  const heal = page.getByRole('region', { name: 'Heal', exact: true });
  await heal.locator('summary').first().click();
  await expect(heal).not.toContainText('from the weights in the model’s files');
  await lab.select('Weights').selectOption('4-bit');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await expect(heal).toContainText(
    'Heal starts from the weights in the model’s files, not from the 4-bit weights that the page computes with',
  );
  await lab.layerTypes.fill('0_3_3_3_3_3_3_7');
  await heal.getByRole('spinbutton', { name: 'Steps' }).fill('1');
  await heal.getByRole('button', { name: 'Heal', exact: true }).click();
  await heal.getByRole('button', { name: 'Keep the healed model' }).click({ timeout: 90_000 });
  await expect(heal.getByText(/is among the stored models/)).toBeVisible({ timeout: 60_000 });
  await expect(lab.select('Model')).toHaveValue('healed/fairy-lckv-0_3_3_3_3_3_3_7');
  await expect(lab.select('Weights').locator('option:checked')).toHaveText('4-bit');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();

  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export model', exact: true }).click();
  const files = unzip(await readFile(await (await downloading).path()));
  const exported = [...files].find(([path]) => path.endsWith('/model.safetensors'))?.[1];
  const shipped = await readFile('public/models/fairy-lckv/model.safetensors');
  const embeddings = 'model.embed_tokens.weight'; // not trained
  expect(tensorIn(exported ?? shipped.subarray(0, 8), embeddings)).toEqual(tensorIn(shipped, embeddings));
});

/** The bytes of a tensor of a safetensors file. */
function tensorIn(file: Uint8Array, name: string): Buffer {
  const bytes = Buffer.from(file);
  const begin = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, begin)) as Readonly<
    Record<string, { readonly data_offsets: readonly [number, number] }>
  >;
  const [from, to] = header[name]?.data_offsets ?? [0, 0];
  return bytes.subarray(begin + from, begin + to);
}

test('a hollow dot moves beside the family while a plan is healed, and stays where it ended', async ({
  page,
}, testInfo) => {
  await shortenContext(page);
  const lab = await visitOnCpu(page);
  await lab.layerTypes.fill('0_3_3_3_3_3_7_7');
  const heal = page.getByRole('region', { name: 'Heal', exact: true });
  await heal.locator('summary').first().click();
  await heal.getByRole('spinbutton', { name: 'Steps' }).fill('32');
  await heal.getByRole('button', { name: 'Heal', exact: true }).click();
  await heal.getByRole('button', { name: 'Show it beside the family' }).click({ timeout: 90_000 });
  const family = page.getByRole('region', { name: 'Family', exact: true });
  const said = family.getByText(
    /^fairy-lckv under 0_3_3_3_3_3_7_7, healed, \d+ steps?: \d\.\d{3} bits per byte/,
  );
  const picture = family.getByRole('img', { name: /^Healing beside the family\. / });
  // Hollow dots alone are filled like the page.
  const dot = picture.locator('path.fill-paper');
  const dotY = async () => Number(/ (\S+)\)/.exec((await dot.getAttribute('transform')) ?? '')?.[1]);
  await expect(said).toContainText(/, healed, (4|8|12|16|20|24|28) steps: /, { timeout: 60_000 });
  const before = await dotY();
  await expect(said).toContainText(', healed, 32 steps: ', { timeout: 60_000 });
  expect(await dotY()).toBeGreaterThan(before);
  const table = family.getByText('As a table: Healing beside the family');
  await table.click();
  await expect(
    family.getByRole('row', { name: /fairy-lckv under 0_3_3_3_3_3_7_7, healed, 32 steps 384 KiB 37\.5 %/ }),
  ).toBeVisible();
  const saved = page.waitForEvent('download');
  await family.getByRole('button', { name: 'Save “Healing beside the family” as SVG' }).click();
  const svg = await readFile(await (await saved).path(), 'utf8');
  expect(svg).toContain('hollow: healed on this device');
  expect(svg).toContain('healed, 32 steps');
  await takePictures(lab, testInfo, 'heal-family', { part: family });

  // A healing that is kept stands there at the next visit, too.
  await page.getByRole('tab', { name: 'Write' }).click();
  await heal.getByRole('button', { name: 'Keep the healed model' }).click();
  await expect(heal.getByText(/is among the stored models/)).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await page.goto('about:blank'); // or the page writes its own settings into the address meanwhile
  await page.goto('./#v=1&tab=compare');
  await expect(said).toContainText(', healed, 32 steps: ');
  await expect(dot).toHaveCount(1);
});

test('while a plan is healed, no task of the page computes for more than 50 ms', async ({
  page,
  browser,
}, testInfo) => {
  await shortenContext(page);
  const lab = await visitOnCpu(page);
  await lab.layerTypes.fill('0_3_3_3_3_3_3_7');
  const heal = page.getByRole('region', { name: 'Heal', exact: true });
  await heal.locator('summary').first().click();
  await heal.getByRole('spinbutton', { name: 'Steps' }).fill('2');
  await expect(heal.getByText(/^Memory: /)).toBeVisible();
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
  await heal.getByRole('button', { name: 'Heal', exact: true }).click();
  const standing = heal.getByRole('status', { name: 'Healing', exact: true });
  await expect(standing).toHaveText('Healed: 2 steps.', { timeout: 120_000 });
  const tasks = pageTasks(await browser.stopTracing());
  expect(tasks.length).toBeGreaterThan(20);
  const longestMs = Math.max(...tasks);
  testInfo.annotations.push({ type: 'longest task', description: `${longestMs} ms` });
  expect(longestMs).toBeLessThanOrEqual(50);
});

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** What the thread computed, in microseconds. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** How long each task of a page's main thread computed, in ms: the workers fill every core, and waiting is not its work. */
function pageTasks(trace: Buffer): readonly number[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { readonly traceEvents: readonly TraceEvent[] };
  const threads = new Set(
    traceEvents.flatMap(({ name, pid, tid, args }) =>
      name === 'thread_name' && args?.name === 'CrRendererMain' ? [`${pid} ${tid}`] : [],
    ),
  );
  return traceEvents.flatMap(({ name, ph, pid, tid, tdur }) =>
    ph === 'X' && name.endsWith('RunTask') && threads.has(`${pid} ${tid}`) && tdur !== undefined
      ? [tdur / 1000]
      : [],
  );
}
