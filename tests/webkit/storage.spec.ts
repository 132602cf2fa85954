import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { fairyRepository } from '../support/hub-model.ts';
import { recordStored } from '../support/record-stored.ts';
import { startHub, type HubServer } from '../support/hub-server.ts';
import { openSite, type Lab, type OpenedSite } from './lab.ts';

const NAME = 'fairies/tales';
const MIB = 2 ** 20;
const RECORD = 8 * MIB;
/** A link, which loads nothing by itself. */
const LINK = '#v=1&seed=5&max=4&temperature=0';
const NOTHING_YET = /No model is loaded yet\./;

/** Three records. */
const repository = fairyRepository(12 * MIB);
const weightsBytes = repository.files.get('model.safetensors')?.length ?? 0;

let site: OpenedSite;
let hub: HubServer;
let lab: Lab;
beforeAll(async () => {
  hub = await startHub({ [NAME]: repository });
  site = await openSite();
});
afterAll(async () => {
  await site.close();
  await hub.stop();
});
afterEach(async () => {
  expect(await lab.complaints()).toEqual([]);
});

/**
 * The ranges of the weights that the page asked the Hub for. WebKit drops `Range` on the redirect to another origin, so
 * the whole file arrives, and the page skips what it already has.
 */
const askedRanges = () =>
  hub.asked
    .filter(({ path }) => path.includes('/resolve/') && path.endsWith('/model.safetensors'))
    .map(({ range }) => range);
const rangeFrom = (begin: number) => `bytes=${begin}-${weightsBytes - 1}`;
const isWeights = (path: string) => path.endsWith('/model.safetensors') && !path.includes('/resolve/');

async function askForModel(): Promise<void> {
  lab = await site.visit(LINK, NOTHING_YET);
  await lab.fill('textbox', 'Endpoint', hub.endpoint);
  await lab.fill('textbox', 'Repository', NAME);
  await lab.press('Load model');
}

it('A download whose tab was closed continues after its last whole record', async () => {
  hub.misbehave(({ path }) => (isWeights(path) ? { silentAfter: RECORD + 2 * MIB } : null));
  await askForModel();
  await lab.driver.run(recordStored);
  hub.misbehave(() => null);
  await askForModel(); // in another tab, after the first one is closed
  await lab.until('status', 'Download', /stored and verified/);
  await lab.says(/Ready\./);
  expect(askedRanges()).toEqual([null, rangeFrom(RECORD)]);
  expect(await lab.generate(4)).toMatch(/\w/);
});

it('A download whose connection is cut continues by itself, and every digest is right', async () => {
  await lab.press(`Delete ${NAME}`);
  await lab.until('region', 'Stored models', /None yet\./);
  const soFar = askedRanges().length;
  let cuts = 1;
  hub.misbehave(({ path }) => (isWeights(path) && cuts-- > 0 ? { cutAfter: 9 * MIB } : null));
  await askForModel();
  await lab.until('status', 'Download', /stored and verified/);
  expect(askedRanges()).toHaveLength(soFar + 2);
  await lab.says(/Ready\./);
  await lab.press(`Check ${NAME}`);
  await lab.until('status', 'Download', /every digest is right/);
});

it('Keep all keeps every shipped model, and says of each that it works offline', async () => {
  lab = await site.visit();
  // The page itself has to be kept first, and then less is left to keep.
  const said = await lab.until('region', 'Models of this page', /Works offline[^]*Keep all seven \(/);
  const [keep = ''] = /Keep all seven \([^)]*\)/.exec(said) ?? [];
  await lab.press(keep);
  await lab.until('status', 'Keeping for offline use', /All seven are kept on this device\./);
  await lab.until('region', 'Models of this page', /(Works offline.*){7}/s);
});

it('Without its server and the Hub, the page starts and runs both models from this device', async () => {
  lab = await site.visit();
  await lab.driver.run(async () => {
    await navigator.serviceWorker.ready;
    // The worker stores the files of a model once they are complete.
    const stored = async () =>
      (await (await caches.open('kvtab-models')).keys()).some(({ url }) => url.endsWith('.safetensors'));
    while (!(await stored())) await new Promise((go) => setTimeout(go, 50));
  });
  await hub.stop();
  await site.stopServing();
  await lab.driver.reload();
  await lab.says(/Ready\./);
  expect(await lab.generate(4)).toMatch(/\w/);
  await lab.until('region', 'Models of this page', /(Works offline.*){7}/s);
  await lab.select('Model', 'fairy-yoco');
  await lab.says(/fairy-yoco \w+ no chat template|Ready\./);
  expect(await lab.generate(6)).toMatch(/\w/);
  await lab.press(`Load ${NAME} from this device`);
  await lab.says(/fairies\/tales \w+ no chat template/);
  expect(await lab.generate(5)).toMatch(/\w/);
});
