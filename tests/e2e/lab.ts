import { expect, test, type Locator, type Page, type TestInfo } from 'playwright/test';
import { axeFindings } from './axe.ts';

/** The page by roles and names, as visitors know it, never by markup. */
export const openLab = (page: Page) => {
  const named = (role: Parameters<Page['getByRole']>[0]) => (name: string) =>
    page.getByRole(role, { name, exact: true });
  const button = named('button');
  const textbox = named('textbox');
  const status = named('status');
  return {
    page,
    select: named('combobox'),
    number: named('spinbutton'),
    prompt: textbox('Prompt'),
    layerTypes: textbox('Layer types'),
    generate: button('Generate'),
    stop: button('Stop'),
    output: page.getByRole('region', { name: 'Output', exact: true }),
    kv: status('KV cache'),
    decodeSpeed: status('Decode speed'),
    prefillSpeed: status('Prefill speed'),
    adapter: status('Adapter'),
  };
};

export type Lab = ReturnType<typeof openLab>;

const ready = (page: Page) => page.getByText('Ready.', { exact: true });

/** Opens the page and waits until its model is loaded. */
export async function visit(page: Page): Promise<Lab> {
  await page.goto('./');
  await expect(ready(page)).toBeVisible({ timeout: 60_000 });
  return openLab(page);
}

/** Opens the page by a link, which loads no model: for stories that run nothing. */
export async function visitUnloaded(page: Page): Promise<Lab> {
  await page.goto('./#v=1&seed=1');
  await expect(page.getByText('No model is loaded yet.')).toBeVisible();
  const lab = openLab(page);
  await expect(lab.kv).toContainText('% of plain LLaMA'); // its plan is known
  return lab;
}

/** Opens the page, waits until its model is loaded, and dismisses the notice that this browser has no WebGPU. */
export async function visitOnCpu(page: Page): Promise<Lab> {
  const lab = await visit(page);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
  return lab;
}

/**
 * Opens one page for all stories of a group, because that takes longer than most stories. Each begins on Write, with the
 * settings, the model and the panels of a page that was just opened, 1280 px wide. What earlier stories ran is still
 * there. After a story fails, the next one has a new page.
 *
 * @returns the page, once a story has begun
 */
export function shareLab(open: (page: Page) => Promise<Lab> = visit): () => Lab {
  let shared: { readonly lab: Lab; readonly first: FirstState } | undefined;
  test.beforeAll(async ({ browser }) => {
    const lab = await open(await browser.newPage());
    shared = { lab, first: await firstState(lab) };
  });
  test.beforeEach(async () => {
    if (shared) await startAfresh(shared.lab, shared.first);
  });
  test.afterAll(() => shared?.lab.page.close());
  return () => {
    if (!shared) throw new Error('the page of these stories did not open');
    return shared.lab;
  };
}

type FirstState = Awaited<ReturnType<typeof firstState>>;

/** What a page is like that was just opened. Without a link and without WebGPU, it is on the CPU. */
async function firstState({ page, select }: Lab) {
  const { hash } = new URL(page.url());
  const onCpu = (await select('Backend').inputValue()) === 'cpu';
  return {
    link: hash === '' ? `#v=1&mode=fastest${onCpu ? '&backend=cpu' : ''}` : hash,
    loaded: await ready(page).isVisible(),
    openPanels: await page
      .locator('section > details[open]')
      .evaluateAll((panels) =>
        panels.map(({ parentElement }) => parentElement?.getAttribute('aria-labelledby')),
      ),
  };
}

/** Opens the link of the first state as Back and Forward do, without loading the page or its model again. */
async function startAfresh({ page, stop }: Lab, { link, loaded, openPanels }: FirstState): Promise<void> {
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.emulateMedia({ media: null, colorScheme: null, reducedMotion: null, forcedColors: null });
  await turnTo(page, 'Write'); // where Stop is
  if (await stop.isEnabled()) await stop.click();
  await page.evaluate(
    ([opened, panels]) => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      history.replaceState(null, '', opened);
      dispatchEvent(new HashChangeEvent('hashchange'));
      for (const panel of document.querySelectorAll('section > details')) {
        const name = panel.parentElement?.getAttribute('aria-labelledby') ?? null;
        panel.toggleAttribute('open', panels.includes(name));
      }
      scrollTo(0, 0);
    },
    [link, openPanels] as const,
  );
  if (!loaded) return;
  const load = page.getByRole('button', { name: 'Load the model', exact: true });
  const idle = page.getByText(/^(Ready\.|(Done|Stopped)\b.*)$/).first();
  await expect(load.or(idle)).toBeVisible();
  if (await load.isVisible()) await load.click(); // the story before chose another model
  await expect(idle).toBeVisible();
}

/** Sets the sampling under which the text depends on the model alone. */
export async function chooseGreedy(lab: Lab): Promise<void> {
  await lab.number('Temperature').fill('0');
  await lab.number('Top-p').fill('1');
  await lab.number('Repetition penalty').fill('1');
}

/** Presses Generate and waits for the end of the run, which takes long on a software adapter. */
export async function generate(lab: Lab, newTokens: number): Promise<string> {
  await lab.number('Max new tokens').fill(String(newTokens));
  await lab.generate.click();
  await finished(lab);
  return (await lab.output.textContent()) ?? '';
}

/** Starts a run that outlasts what a story does meanwhile: a text within the context takes half a second. */
export async function startLongRun(lab: Lab, maxNewTokens = 9000): Promise<void> {
  await lab.number('Max new tokens').fill(String(maxNewTokens));
  await lab.generate.click();
  await expect(lab.output).not.toBeEmpty({ timeout: 60_000 });
}

/** Opens all panels below the output. Each has something to say, also before there is a run. */
export async function openEveryPanel(page: Page): Promise<void> {
  const closed = page.locator('section > details:not([open]) > summary');
  while ((await closed.count()) > 0) await closed.first().click();
}

/** Turns to another part of the page. */
export const turnTo = (page: Page, tab: 'Write' | 'Compare' | 'Throughput' | 'Laboratory') =>
  page.getByRole('tab', { name: tab, exact: true }).click();

/** Unfolds a panel of settings, which a narrow screen folds. */
export const unfold = ({ page }: Lab, panel: string) =>
  page
    .getByRole('group', { name: panel, exact: true })
    .getByRole('button', { name: panel, exact: true })
    .click();

export async function finished(lab: Lab): Promise<void> {
  await expect(lab.page.getByText(/^(Done|Stopped)\b/)).toBeVisible({ timeout: 120_000 });
}

/**
 * Looks at the page, or at a part of it, narrow and wide, light and dark: nothing scrolls sideways, axe finds nothing, and
 * a picture is saved with the results of the test. The page needs `bringAxe` before it opens.
 *
 * @param unfolded whether the settings stand open on a narrow screen too
 */
export async function takePictures(
  { page }: Lab,
  testInfo: TestInfo,
  name: string,
  { part, unfolded = false }: { part?: Locator; unfolded?: boolean } = {},
): Promise<void> {
  for (const width of [390, 1440]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const view = `${name}-${width}-${colorScheme}`;
      const folded = page.locator('legend button[aria-expanded="false"]');
      while (unfolded && (await folded.count()) > 0) await folded.first().click();
      await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      const coloursOnly = colorScheme === 'dark';
      expect(await axeFindings(part ?? page, { coloursOnly }), view).toEqual([]);
      const path = testInfo.outputPath(`${view}.png`);
      await (part ? part.screenshot({ path }) : page.screenshot({ path, fullPage: true }));
    }
  }
}
