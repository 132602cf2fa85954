/** A researcher prepares slides: compares two plans, saves the figures, cites a run and copies a link. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test, type Download, type Locator, type Page } from 'playwright/test';
import { finished, openLab } from '../lab.ts';
import { journey, type Person } from './person.ts';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

/** Saves a picture in both formats; PNGs are twice as wide as they say. */
async function save(
  person: Person,
  part: Locator | Page,
  title: string,
): Promise<{ svg: string; name: string }> {
  const press = async (format: string): Promise<Download> => {
    const downloading = person.page.waitForEvent('download');
    await person.press(part.getByRole('button', { name: `Save “${title}” as ${format}`, exact: true }));
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

journey(
  'a researcher compares two plans, saves figures, cites a run and copies a link',
  { sample: ['touch'], screen: 'any' },
  async (person) => {
    const { page, lab } = person;
    await person.visit();
    for (const panel of ['Sampling', 'KV sharing']) await person.unfold(panel);
    await person.fill(lab.prompt, 'A <b>fox</b> & a "king"');
    await person.fill(lab.number('Max new tokens'), '8');
    await person.pressButton('Generate');
    await finished(lab);

    await person.turnTo('Compare');
    const compare = page.getByRole('region', { name: 'Compare', exact: true });
    await person.pressButton('Add current settings');
    await person.fill(lab.layerTypes, '0_1_2_3_4_5_6_7');
    await person.pressButton('Add current settings');
    await person.pressButton('Compare');
    await expect(compare.getByRole('listitem', { name: 'Configuration 2' })).toContainText(
      /Decode speed.*3 rounds/s,
      { timeout: 60_000 },
    );

    const compared = await save(person, compare, 'Configurations compared');
    expect(compared.name).toBe('kvtab-comparison-0_6_6_6_6_6_6_7-0_1_2_3_4_5_6_7.svg');
    for (const text of [
      '1: LCKV',
      '2: Plain LLaMA, fairy-lckv',
      'Decode speed, tokens per second',
      'commit',
    ]) {
      expect(compared.svg).toContain(text);
    }
    expect(compared.svg).toContain('Prompt: A &lt;b&gt;fox&lt;/b&gt; &amp; a &quot;king&quot;');

    const family = page.getByRole('region', { name: 'Family', exact: true });
    const curve = await save(person, family, 'Quality against KV');
    for (const text of ['>llama<', '>yoco<', 'Bits per byte']) expect(curve.svg).toContain(text);

    await person.pressButton('Copy link to this comparison');
    await expect(compare.getByText('Link copied.')).toBeVisible();
    const link = await person.pasted();

    await person.turnTo('Write');
    const plan = await save(person, page, 'Plan and cache');
    expect(plan.name).toBe('kvtab-Plan-and-cache-fairy-lckv-0_1_2_3_4_5_6_7.svg');

    const charts = await person.open('Charts');
    const kv = await save(person, charts, 'KV bytes in use');
    // The picture belongs to the run, not to what is set now.
    expect(kv.svg).toContain('Model fairy-lckv; plan 0_6_6_6_6_6_6_7');

    await person.pressButton('Cite this run');
    await expect(page.getByText('Citation copied.')).toBeVisible();
    const citation = await person.pasted();
    expect(citation).toContain('Prompt: A <b>fox</b> & a "king"');
    expect(citation).toContain('Plan: 0_6_6_6_6_6_6_7');

    const slides = await page.context().newPage();
    await slides.goto(link);
    const opened = slides.getByRole('region', { name: 'Compare', exact: true });
    await expect(opened.getByRole('listitem', { name: 'Configuration 2' })).toContainText('0_1_2_3_4_5_6_7');
    await expect(opened, 'the page goes to it').toBeInViewport();
    await slides.getByRole('tab', { name: 'Write', exact: true }).click();
    await expect(openLab(slides).prompt).toHaveValue('A <b>fox</b> & a "king"');
  },
);
