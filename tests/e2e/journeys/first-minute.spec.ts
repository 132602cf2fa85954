import { expect } from 'playwright/test';
import { finished } from '../lab.ts';
import { journey } from './person.ts';

journey(
  'a student takes the tour, writes, shares fewer layers, and sees what that saves',
  { sample: ['keyboard'], screen: 'any' },
  async (person) => {
    const { page, lab } = person;
    await person.visit();
    await person.pressButton('Take the tour, five steps');
    const dialog = page.getByRole('dialog');
    await expect(dialog).toContainText('press Generate');
    // The page stays usable during the tour.
    await person.unfold('Sampling');
    await person.fill(lab.number('Max new tokens'), '12');
    await person.press(lab.generate);
    await expect(lab.output).not.toBeEmpty();
    await finished(lab);
    await person.leave(dialog, 'Skip the tour');
    await expect(page.getByText(/^Done: 12 tokens/), 'leaving ended the tour, not the run').toBeVisible();

    await expect(lab.kv).toContainText('37.5 % of plain LLaMA');
    await expect(lab.kv).toContainText('in use by the last run');
    await person.pressButton('What is “KV cache”?');
    await expect(page.getByRole('dialog')).toContainText('Layers that share read another layer’s');
    await person.leave(page.getByRole('dialog'), 'Close');

    await person.unfold('KV sharing');
    await person.select(lab.select('Preset'), 'Plain LLaMA (trained)');
    await expect(lab.kv).toContainText('100 % of plain LLaMA');
    await expect(lab.kv, 'while its weights load').not.toContainText('correct the layer types');
    await person.press(lab.generate);
    await expect(page.getByText(/^Done/)).toBeVisible();
    const runs = page.getByRole('region', { name: 'Runs', exact: true });
    await expect(runs.getByText('0_6_6_6_6_6_6_7', { exact: true })).toBeVisible();
    await expect(runs.getByText('0_1_2_3_4_5_6_7', { exact: true })).toBeVisible();
  },
);
