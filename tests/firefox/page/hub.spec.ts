import { afterAll, beforeAll, expect, it } from 'vitest';
import { fairyRepository } from '../../support/hub-model.ts';
import { recordStored } from '../../support/record-stored.ts';
import { startHub, type HubServer } from '../../support/hub-server.ts';
import { openSite, type OpenedSite } from './lab.ts';

const NAME = 'fairies/tales';
const MIB = 2 ** 20;
const RECORD = 8 * MIB;
/** A link, which loads nothing by itself. */
const LINK = '#v=1&seed=5&max=4&temperature=0';
const NOTHING_YET = /No model is loaded yet\./;

let site: OpenedSite;
let server: HubServer;
beforeAll(async () => {
  // Three records.
  server = await startHub({ [NAME]: fairyRepository(12 * MIB) });
  site = await openSite();
});
afterAll(async () => {
  await site.close();
  await server.stop();
});

const weights = () => server.served.filter(({ file }) => file === 'model.safetensors');

async function askForModel() {
  const lab = await site.visit(LINK, NOTHING_YET);
  await lab.fill('textbox', 'Endpoint', server.endpoint);
  await lab.fill('textbox', 'Repository', NAME);
  await lab.press('Load model');
  return lab;
}

it('A download whose tab was killed halfway continues where it was, and the model runs', async () => {
  server.misbehave(({ path }) =>
    path.endsWith('/model.safetensors') && !path.includes('/resolve/')
      ? { silentAfter: RECORD + 2 * MIB }
      : null,
  );
  const killed = await askForModel();
  await killed.until('status', 'Download', /Downloading .* MiB of 18/);
  await killed.page.evaluate(recordStored);
  await killed.page.close();
  server.misbehave(() => null);

  const lab = await askForModel();
  await lab.until('status', 'Download', /stored and verified/);
  await lab.says(/Ready\./);
  expect(weights()).toMatchObject([{ begin: 0 }, { begin: RECORD }]);
  await lab.press('Generate');
  await lab.says(/Done: 4 tokens/);
  expect(await lab.text('region', 'Output')).toMatch(/\w/);
});

it('Keep all keeps every shipped model, and says of each that it works offline', async () => {
  const lab = await site.visit();
  const label = /Keep all seven \([^)]*\)/;
  const said = await lab.until('region', 'Models of this page', /Works offline[^]*Keep all seven \(/);
  await lab.press(label.exec(said)?.[0] ?? '');
  await lab.until('status', 'Keeping for offline use', /All seven are kept on this device\./);
  await lab.until('region', 'Models of this page', /(Works offline[^]*){7}/);
});

it('The stored model starts from this device without the Hub and the server of the page', async () => {
  await server.stop();
  const lab = await site.visit(LINK, NOTHING_YET);
  await lab.page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await site.stopServing();
  await lab.page.reload();
  await lab.until('region', 'Stored models', /fairies\/tales.*Works offline/s);
  await lab.until('region', 'Models of this page', /(Works offline[^]*){7}/);
  await lab.press(`Load ${NAME} from this device`);
  await lab.says(/Ready\./);
  await lab.press('Generate');
  await lab.says(/Done: 4 tokens/);
});
