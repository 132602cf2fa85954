/** A model from the Hub: somebody looks at it, downloads it in two parts, comes back to it, deletes it by mistake. */
import { expect } from 'playwright/test';
import { fairyRepository } from '../../support/hub-model.ts';
import { startHub, type Asked } from '../../support/hub-server.ts';
import { finished } from '../lab.ts';
import { journey } from './person.ts';

const NAME = 'fairies/tales';
const MIB = 2 ** 20;
/** Four records of 8 MiB. */
const repository = fairyRepository(20 * MIB);
const weights = ({ path }: Asked) => path.endsWith('/model.safetensors') && !path.includes('/resolve/');

journey(
  'a model from the Hub is looked at, paused, resumed, reloaded, deleted and taken back',
  { sample: ['mouse', 'keyboard'], screen: 'any' },
  async (person) => {
    const { page, lab } = person;
    const server = await startHub({ [NAME]: repository });
    try {
      // A colleague's link. It sends no request before the person agrees.
      await page.goto(`./#v=1&model=${NAME}&endpoint=${server.endpoint}&max=6`);
      const notice = page.getByRole('alert');
      await expect(notice).toContainText(server.endpoint);
      expect(server.asked).toEqual([]);
      await person.pressButton('Ask for its size');
      const download = page.getByRole('status', { name: 'Download', exact: true });
      await expect(download).toContainText(/26[\d.]* MiB to download, in 5 files/);
      // Its configuration says what it needs; nothing else has come.
      expect(server.served.map(({ file }) => file)).toEqual(['config.json']);

      // Slow enough to be paused on the way.
      server.misbehave((asked) => (weights(asked) ? { drip: { bytes: MIB, everyMs: 250 } } : null));
      await person.pressButton('Load model');
      await expect(download).toContainText(/Downloading .*: \d+(\.\d+)? MiB of 26/);
      await person.pressButton('Pause download');
      await expect(download).toContainText('Paused');
      server.misbehave(() => null);
      await person.pressButton('Resume download');
      await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
      await expect(download).toContainText('stored and verified: 26.');
      const begins = server.served.flatMap(({ file, begin }) =>
        file === 'model.safetensors' ? [begin] : [],
      );
      expect(begins[0]).toBe(0);
      expect(begins[1], 'the second part alone').toBeGreaterThan(0);

      // Another day, without a network.
      await server.stop();
      await page.reload();
      await expect(notice).toContainText(`${NAME}, which is stored on this device`);
      await person.pressButton('Load it');
      await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
      await person.press(lab.generate);
      await finished(lab);
      await expect(lab.output).not.toBeEmpty();

      await person.unfold('Models from the Hub');
      const stored = page.getByRole('region', { name: 'Stored models', exact: true });
      await expect(stored).toContainText(NAME);
      await person.pressButton(`Delete ${NAME}`);
      await expect(stored).toContainText('None yet.');
      const undo = page.getByRole('button', { name: 'Undo deleting' });
      if (person.hand === 'keyboard') await expect(undo, 'the focus is not lost').toBeFocused();
      await person.press(undo);
      await expect(stored).toContainText(NAME);
      await page.reload();
      await expect(notice, 'it is still here').toContainText(`${NAME}, which is stored on this device`);
    } finally {
      await server.stop();
    }
  },
);
