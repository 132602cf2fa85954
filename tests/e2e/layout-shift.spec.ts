import { expect, test, type BrowserContext, type Page } from 'playwright/test';
import { finished, generate, openEveryPanel, openLab, turnTo, visit, visitOnCpu } from './lab.ts';

/** Chromium's own limit of what is good is 0.1. */
const MOST = 0.05;
const link = './#v=1&model=fairy-llama&layers=0_0_2_2_4_4_6_6&mode=fastest';

/** Records from the start of each page how much of it moves by itself: not within 0.5 s of an input. */
async function recordShifts(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const shifts: { value: number; atMs: number; moved: string[] }[] = [];
    Object.assign(globalThis, { shifts });
    const name = (node: Node | null) =>
      `${node instanceof Element ? node.className : ''} ${(node?.textContent ?? '').trim().slice(0, 30)}`;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & {
        value: number;
        hadRecentInput: boolean;
        sources: { node: Node | null }[];
      })[]) {
        if (entry.hadRecentInput) continue;
        const moved = entry.sources.map(({ node }) => name(node));
        shifts.push({ value: entry.value, atMs: entry.startTime, moved });
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
}

type Shifts = readonly { readonly value: number; readonly atMs: number; readonly moved: readonly string[] }[];

/** Cumulative layout shift: the most within a session of 5 s that ends with a second of rest. */
function cumulative(shifts: Shifts): number {
  let [most, sum, startMs, lastMs] = [0, 0, -Infinity, -Infinity];
  for (const { value, atMs } of shifts) {
    if (atMs - lastMs > 1000 || atMs - startMs > 5000) [sum, startMs] = [0, atMs];
    sum += value;
    lastMs = atMs;
    most = Math.max(most, sum);
  }
  return most;
}

async function expectCalm(page: Page, when: string): Promise<void> {
  const shifts = await page.evaluate(() => (globalThis as unknown as { shifts: Shifts }).shifts);
  expect(cumulative(shifts), `${when}: ${JSON.stringify(shifts)}`).toBeLessThanOrEqual(MOST);
}

/** Opens an address and presses Generate, which loads the model that a link names. */
async function runFrom(page: Page, address: string): Promise<void> {
  await page.goto(address);
  const lab = openLab(page);
  if (address === './') await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  await lab.generate.click();
  await expect(lab.output).not.toBeEmpty();
}

test.describe('from the address to the first token, what was there stays in its place', () => {
  for (const width of [390, 768, 1440, 1920]) {
    test(`at ${width} px, on a first visit and with a link`, async ({ context, page }) => {
      await recordShifts(context);
      await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
      await runFrom(page, './');
      await expectCalm(page, 'first visit');
      await page.goto('about:blank');
      await runFrom(page, link);
      await expectCalm(page, 'link');
    });
  }
});

/** Notes, frame by frame while there is a text, where on the page some of its parts stand. */
const notePlaces = (page: Page) =>
  page.evaluate(() => {
    const places = new Set<string>();
    Object.assign(globalThis, { places });
    const parts = { picture: '.hero', figures: '.figures', share: '.share', output: '.paper' };
    const look = () => {
      const written = document.querySelector('section[aria-label="Output"]')?.textContent ?? '';
      // A run begins.
      if (written === '') places.clear();
      else {
        for (const [name, selector] of Object.entries(parts)) {
          const box = document.querySelector(selector)?.getBoundingClientRect();
          if (box) places.add(`${name} at ${Math.round(box.top + scrollY)}, ${Math.round(box.height)} high`);
        }
      }
      requestAnimationFrame(look);
    };
    look();
  });

test.describe('while a text is written, the picture, the figures and what follows stand still', () => {
  for (const width of [390, 768, 1440, 1920]) {
    test(`at ${width} px, in the first run and in later ones`, async ({ page }) => {
      const lab = await visitOnCpu(page);
      await lab.number('Max new tokens').fill('150');
      await notePlaces(page);
      for (const seed of ['1', '2', '3']) {
        // A narrow page folds the field.
        await page.setViewportSize({ width: 1440, height: 900 });
        await lab.number('Seed').fill(seed);
        await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
        await lab.generate.click();
        await finished(lab);
        if (seed !== '1')
          await expect(page.getByText(/^The last run, against the one before it: /)).toBeVisible();
        const places = await page.evaluate(() => [
          ...(globalThis as unknown as { places: Set<string> }).places,
        ]);
        expect(places.sort(), `run ${seed}`).toHaveLength(4);
      }
    });
  }
});

test('a mistake in a field is named without moving the picture, in which people edit', async ({ page }) => {
  const lab = await visitOnCpu(page);
  const picture = page.getByRole('region', { name: 'Plan and cache', exact: true });
  const tops: (number | undefined)[] = [];
  for (const width of [390, 1440]) {
    for (const plan of ['0_6_6_6_9_6_6_7', '0_6_6_6_6_6_6_7']) {
      await page.setViewportSize({ width: 1440, height: 900 }); // a narrow page folds the field
      await lab.layerTypes.fill(plan);
      await page.setViewportSize({ width, height: 900 });
      await expect(page.getByText('Correct first: Layer types.')).toBeVisible({
        visible: plan.includes('9'),
      });
      tops.push(await picture.evaluate((part) => part.getBoundingClientRect().top + scrollY));
    }
  }
  expect(tops[0], '390 px').toBe(tops[1]);
  expect(tops[2], '1440 px').toBe(tops[3]);
});

test('every panel follows the width of the window, and the page reports no error', async ({ page }) => {
  // Playwright does not tell of the errors that browsers report about observed sizes.
  await page.addInitScript(() => {
    const errors: string[] = [];
    Object.assign(globalThis, { errors });
    addEventListener('error', ({ message }) => errors.push(message));
  });
  const lab = await visit(page);
  await generate(lab, 4);
  await openEveryPanel(page);
  const picture = page.locator('.picture');
  for (const width of [1920, 1440, 794, 390, 1280, 600]) {
    await page.setViewportSize({ width, height: 900 });
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    await expect
      .poll(() => picture.evaluate((part) => part.scrollWidth - part.clientWidth), `${width} px`)
      .toBeLessThanOrEqual(0);
    // Until the page has drawn what changed, and the sizes of that were observed.
    await page.evaluate(
      () =>
        new Promise((go) => {
          let frames = 0;
          const next = () => (++frames > 4 ? go(null) : requestAnimationFrame(next));
          next();
        }),
    );
  }
  expect(await page.evaluate(() => (globalThis as unknown as { errors: string[] }).errors)).toEqual([]);
});

test.describe('with the service worker', () => {
  test.use({ serviceWorkers: 'allow' });
  test('what was there stays in its place on a second visit too', async ({ context, page }) => {
    await recordShifts(context);
    await page.goto('./');
    await page.evaluate(() => navigator.serviceWorker.ready);
    await runFrom(page, './');
    await expectCalm(page, 'second visit');
  });
});

test('panels and tabs that open move nothing that stands above them', async ({ context, page }) => {
  await recordShifts(context);
  await page.setViewportSize({ width: 1440, height: 900 });
  await runFrom(page, './');
  for (const title of ['Why it matters', 'Charts', 'Tokens', 'Attention', 'Convergence', 'Heal']) {
    await page.getByRole('heading', { name: title, exact: true }).click();
    await expect(page.getByText('Opening', { exact: false })).toHaveCount(0);
  }
  for (const tab of ['Compare', 'Throughput', 'Laboratory', 'Write'] as const) {
    await turnTo(page, tab);
    await expect(page.getByRole('tabpanel', { name: tab, exact: true })).toBeVisible();
  }
  await expectCalm(page, 'panels');
});
