import { expect } from 'playwright/test';
import { axeFindings, bringAxe } from '../axe.ts';
import { finished } from '../lab.ts';
import { journey } from './person.ts';

journey(
  'a teacher on a phone runs, reads, compares and corrects without hunting for anything',
  { sample: ['touch'], screen: 'phone' },
  async (person) => {
    const { page, lab } = person;
    await bringAxe(page);
    await person.visit();
    const heading = (name: string) => page.getByRole('heading', { name, exact: true });
    const stage = (name: string) => page.getByRole('group', { name, exact: true });
    const topOf = async (locator: ReturnType<typeof heading>) => (await locator.boundingBox())?.y ?? NaN;

    // The tabs come first; the text follows Generate, and the figures come before the settings.
    const tab = page.getByRole('tab', { name: 'Compare', exact: true });
    const places = [tab, lab.prompt, lab.generate, lab.output, lab.kv];
    const tops = await Promise.all([...places, stage('Model'), heading('Charts')].map(topOf));
    expect(tops).toEqual([...tops].sort((a, b) => a - b));
    await expect(stage('Sampling')).toContainText('max new tokens 128, continuations 1, temperature 0.8');
    await expect(stage('Model')).toContainText('fairy-lckv');
    await expect(lab.number('Temperature')).toBeHidden();

    await person.unfold('Sampling');
    await person.fill(lab.number('Max new tokens'), '30');
    await person.press(lab.generate);
    await expect(lab.output).toBeInViewport();
    await expect(lab.stop).toBeInViewport();
    await expect(lab.output).not.toBeEmpty();
    await finished(lab);

    // The class asks what another plan would have written.
    await person.turnTo('Compare');
    const compare = page.getByRole('region', { name: 'Compare', exact: true });
    await person.pressButton('Add current settings');
    await person.unfold('KV sharing');
    await person.select(lab.select('Preset'), 'Plain LLaMA (trained)');
    await person.pressButton('Add current settings');
    await person.pressButton('Compare');
    const second = compare.getByRole('listitem', { name: 'Configuration 2' });
    await expect(second).toContainText(/Decode speed.*3 rounds/s, { timeout: 60_000 });

    await person.turnTo('Write');
    // A mistake in what is folded is named there, and Generate leads to it.
    await person.fill(lab.number('Top-p'), '7');
    await person.fold('Sampling');
    await expect(stage('Sampling')).toContainText('Correct: Top-p.');
    await person.press(lab.generate, { blocked: true });
    await expect(lab.number('Top-p')).toBeFocused();
    await expect(lab.number('Top-p')).toBeInViewport();
    await person.fill(lab.number('Top-p'), '0.9');

    await person.unfold('Model');
    await person.pressButton('From the Hub');
    await expect(page.getByRole('textbox', { name: 'Repository', exact: true })).toBeFocused();

    for (const name of ['What the cache keeps', 'Backend and precision', 'Export']) {
      await person.unfold(name);
    }
    await person.pressButton('Take the tour, five steps');
    await expect(page.getByRole('dialog')).toContainText('Step 1 of 5');
    expect(await axeFindings(page)).toEqual([]);
  },
);
