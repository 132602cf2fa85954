/** A sceptic checks figures against each other: the same figure has to be the same everywhere. */
import { expect, test } from 'playwright/test';
import { pdfPages } from '../../support/pdf-pages.ts';
import { finished } from '../lab.ts';
import { journey } from './person.ts';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

journey(
  'the same figure reads the same in figures, charts, runs, citation, family and print',
  { sample: ['keyboard'], screen: 'any' },
  async (person, testInfo) => {
    const { page, lab } = person;
    await person.visit();
    await person.unfold('Sampling');
    await person.fill(lab.number('Max new tokens'), '24');
    for (const seed of ['1', '2', '3']) {
      await person.fill(lab.number('Seed'), seed);
      await person.press(lab.generate);
      await finished(lab);
    }
    const last = 'Once upon a time there was a king who';

    // Speeds: the median of three runs, with their range.
    const runs = page.getByRole('region', { name: 'Runs', exact: true });
    const rows = runs.getByRole('row', { name: /fairy/ });
    await expect(rows).toHaveCount(3);
    await expect(lab.decodeSpeed).toContainText(
      /^\d+ tokens\/s median of 3 runs, \d+(–\d+)?; last run, 24 tokens$/,
    );
    const speeds: number[] = [];
    for (const row of await rows.all()) {
      // On a phone, the heading of the column stands in the cell.
      const cell = await row.getByRole('cell').nth(3).innerText();
      speeds.push(Number(/[\d.]+$/.exec(cell)?.[0]));
    }
    const [least = '', median = '', most = ''] = speeds.sort((a, b) => a - b).map(String);
    const range = least === most ? least : `${least}–${most}`;
    await expect(lab.decodeSpeed).toContainText(`${median} tokens/s median of 3 runs, ${range}; `);
    await person.pressButton('Cite this run');
    await expect(page.getByText('Citation copied.')).toBeVisible();
    const citation = await person.pasted();
    expect(citation).toContain(`(median of 3 runs of this set-up ${median}, ${range})`);

    // Memory: figures, chart, runs and citation.
    const charts = await person.open('Charts');
    const said = await charts.getByRole('img', { name: /^KV bytes in use\./ }).getAttribute('aria-label');
    const [, inUse = 'nothing'] = /in use\. ([\d.]+ KiB) after/.exec(said ?? '') ?? [];
    await expect(lab.kv).toContainText(`${inUse} in use`);
    await expect(rows.first()).toContainText(inUse);
    expect(citation).toContain(`KV cache: ${inUse} in use, 768 B per token`);

    // Quality: where a model is chosen, and on the curve.
    await person.turnTo('Compare');
    const family = page.getByRole('region', { name: 'Family', exact: true });
    await person.choose(family.getByRole('radio', { name: /^fairy-llama: / }));
    const name = await family.getByRole('radio', { checked: true }).getAttribute('aria-label');
    const [, bits = 'nothing'] = /([\d.]+) bits per byte/.exec(name ?? '') ?? [];
    expect(bits).toBe('1.445');
    await expect(page.getByRole('group', { name: 'Model', exact: true })).toContainText(bits);

    await person.turnTo('Write');

    // Paper: the prompt, the figures, the text, the plan and the link of the run.
    await page.emulateMedia({ media: 'print' });
    const head = page.getByRole('region', { name: 'Printed run', exact: true });
    await expect(head).toContainText(`Prompt: ${last}`);
    await page.screenshot({ path: testInfo.outputPath('print.png'), fullPage: true });
    for (const part of [lab.output, lab.kv, lab.decodeSpeed]) await expect(part).toBeVisible();
    await expect(lab.output).not.toBeEmpty();
    await expect(head).toContainText('Plan: 0_6_6_6_6_6_6_7 of fairy-lckv.');
    await expect(head, 'the other model was chosen after the run').toContainText(
      'Since the run the settings have changed',
    );
    // On a phone, the heading of a panel of settings is a button, and paper shows it as a heading.
    await expect(page.locator('button:not(legend button)').filter({ visible: true })).toHaveCount(0);
    await expect(page.getByRole('group', { name: 'Sampling', exact: true })).toBeHidden();
    const arcs = await page.locator('.picture').boundingBox();
    const logo = await page.locator('h1').boundingBox();
    expect(arcs?.y).toBeGreaterThan((logo?.y ?? NaN) + (logo?.height ?? NaN));
    const paper = await page.pdf({ format: 'A4', path: testInfo.outputPath('print.pdf') });
    expect(pdfPages(paper)).toBeLessThanOrEqual(3);
    await expect(head.getByText(/#v=1&model=fairy-lckv&.*&seed=3&build=/)).toBeVisible();
  },
);
