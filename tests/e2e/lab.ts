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

/** Opens the page and waits until its model is loaded. */
export async function visit(page: Page): Promise<Lab> {
  await page.goto('./');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible({ timeout: 60_000 });
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
 * Opens one page for all stories of a group, because that takes longer than most stories. They are told in their order, and
 * each begins with the settings that the one before left.
 *
 * @returns the page, once a story has begun
 */
export function shareLab(open: (page: Page) => Promise<Lab> = visit): () => Lab {
  test.describe.configure({ mode: 'serial' });
  let lab: Lab | undefined;
  test.beforeAll(async ({ browser }) => {
    lab = await open(await browser.newPage());
  });
  test.afterAll(() => lab?.page.close());
  return () => {
    if (!lab) throw new Error('the page of these stories did not open');
    return lab;
  };
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
export async function startLongRun(lab: Lab): Promise<void> {
  await lab.number('Max new tokens').fill('4000');
  await lab.generate.click();
  await expect(lab.output).not.toBeEmpty({ timeout: 60_000 });
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
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      const coloursOnly = colorScheme === 'dark';
      expect(await axeFindings(part ?? page, { coloursOnly }), view).toEqual([]);
      const path = testInfo.outputPath(`${view}.png`);
      await (part ? part.screenshot({ path }) : page.screenshot({ path, fullPage: true }));
    }
  }
}
