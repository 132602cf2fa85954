/** A researcher prepares slides: compares two plans, saves the figures, cites a run and copies a link. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test, type Download, type Locator, type Page } from 'playwright/test';
import { finished, openLab, unfold, visit } from './lab.ts';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

type Hand = 'mouse' | 'touch' | 'keyboard';

/** Activates an element as a person does who has only this. */
async function activate(element: Locator, hand: Hand): Promise<void> {
  if (hand === 'mouse') await element.click();
  else if (hand === 'touch') await element.tap();
  else {
    await element.focus();
    await element.page().keyboard.press('Enter');
  }
}

/** Saves a picture in both formats; PNGs are twice as wide as they say. */
async function save(part: Locator | Page, title: string, hand: Hand): Promise<{ svg: string; name: string }> {
  const page = 'page' in part ? part.page() : part;
  const press = async (format: string): Promise<Download> => {
    const downloading = page.waitForEvent('download');
    await activate(part.getByRole('button', { name: `Save “${title}” as ${format}`, exact: true }), hand);
    return downloading;
  };
  const svg = await press('SVG');
  const text = readFileSync(await svg.path(), 'utf8');
  const png = readFileSync(await (await press('PNG')).path());
  const width = Number(/<svg[^>]* width="(\d+)"/.exec(text)?.[1]);
  expect(png.readUInt32BE(16)).toBe(2 * width);
  writeFileSync(test.info().outputPath(`${title}.png`), png);
  return { svg: text, name: svg.suggestedFilename() };
}

for (const hand of ['mouse', 'touch', 'keyboard'] as const) {
  test.describe(`by ${hand}`, () => {
    test.use(hand === 'touch' ? { viewport: { width: 390, height: 844 }, hasTouch: true } : {});

    test(`compares two plans, saves figures, cites a run and copies a link, by ${hand}`, async ({
      page,
      context,
    }) => {
      const lab = await visit(page);
      const press = (name: string) => activate(page.getByRole('button', { name, exact: true }), hand);
      // On a narrow screen settings are folded.
      if (hand === 'touch') for (const panel of ['Sampling', 'KV sharing']) await unfold(lab, panel);
      await lab.prompt.fill('A <b>fox</b> & a "king"');
      await lab.number('Max new tokens').fill('8');
      await press('Generate');
      await finished(lab);

      const compare = page.getByRole('region', { name: 'Compare', exact: true });
      await activate(compare.locator('summary').first(), hand);
      await press('Add current settings');
      await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
      await press('Add current settings');
      await press('Compare');
      await expect(compare.getByRole('listitem', { name: 'Configuration 2' })).toContainText(
        /Decode speed.*3 rounds/s,
        { timeout: 60_000 },
      );

      const compared = await save(compare, 'Configurations compared', hand);
      expect(compared.name).toBe('kvtab-comparison-0_6_6_6_6_6_6_7-0_1_2_3_4_5_6_7.svg');
      for (const text of ['1: 0_6_6_6_6_6_6_7', 'Decode speed, tokens per second', 'commit']) {
        expect(compared.svg).toContain(text);
      }
      expect(compared.svg).toContain('Prompt: A &lt;b&gt;fox&lt;/b&gt; &amp; a &quot;king&quot;');

      const plan = await save(page, 'Plan of KV sharing', hand);
      expect(plan.name).toBe('kvtab-Plan-of-KV-sharing-fairy-lckv-0_1_2_3_4_5_6_7.svg');

      const family = page.getByRole('region', { name: 'Family', exact: true });
      await activate(family.locator('summary').first(), hand);
      const curve = await save(family, 'Quality against KV', hand);
      for (const text of ['>llama<', '>yoco<', 'Bits per byte']) expect(curve.svg).toContain(text);

      const charts = page.getByRole('region', { name: 'Charts', exact: true });
      await activate(charts.locator('summary').first(), hand);
      const kv = await save(charts, 'KV bytes in use', hand);
      // The picture belongs to the run, not to what is set now.
      expect(kv.svg).toContain('Model fairy-lckv; plan 0_6_6_6_6_6_6_7');

      await press('Copy link to this comparison');
      await expect(compare.getByText('Link copied.')).toBeVisible();
      const link = await page.evaluate(() => navigator.clipboard.readText());
      await press('Cite this run');
      await expect(page.getByText('Citation copied.')).toBeVisible();
      const citation = await page.evaluate(() => navigator.clipboard.readText());
      expect(citation).toContain('Prompt: A <b>fox</b> & a "king"');
      expect(citation).toContain('Plan: 0_6_6_6_6_6_6_7');

      if (hand !== 'mouse') return;
      const slides = await context.newPage();
      await slides.goto(link);
      const opened = slides.getByRole('region', { name: 'Compare', exact: true });
      await expect(opened.getByRole('listitem', { name: 'Configuration 2' })).toContainText(
        '0_1_2_3_4_5_6_7',
      );
      await expect(openLab(slides).prompt).toHaveValue('A <b>fox</b> & a "king"');
    });
  });
}
