import { expect, test, type Page } from 'playwright/test';
import { fairyRepository } from '../support/hub-model.ts';
import { recordStored } from '../support/record-stored.ts';
import { startHub, type Asked, type HubServer, type Mischief } from '../support/hub-server.ts';
import { bringAxe } from './axe.ts';
import { chooseGreedy, generate, openLab, takePictures } from './lab.ts';

const NAME = 'fairies/tales';
const MIB = 2 ** 20;
/** Four records of 8 MiB. */
const repository = fairyRepository(20 * MIB);
const weightsBytes = repository.files.get('model.safetensors')?.length ?? 0;
const RECORD = 8 * MIB;

let server: HubServer;
test.beforeEach(async () => {
  server = await startHub({ [NAME]: repository, 'fairies/gated': { ...repository, token: 'hf_secret' } });
});
test.afterEach(() => server.stop());

const gemma: [string, Uint8Array] = ['config.json', Buffer.from('{"model_type": "gemma2"}')];

const openHub = (page: Page) => {
  const textbox = (name: string) => page.getByRole('textbox', { name, exact: true });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  return {
    repository: textbox('Repository'),
    endpoint: textbox('Endpoint'),
    token: textbox('Access token'),
    load: button('Load model'),
    pause: button('Pause download'),
    resume: button('Resume download'),
    cancel: button('Cancel download'),
    download: page.getByRole('status', { name: 'Download', exact: true }),
    stored: page.getByRole('region', { name: 'Stored models', exact: true }),
    button,
  };
};

const ready = (page: Page) => expect(page.getByText('Ready.', { exact: true })).toBeVisible();

async function visitHub(page: Page) {
  await page.goto('./#v=1&seed=5'); // a link loads nothing by itself
  const hub = openHub(page);
  await hub.endpoint.fill(server.endpoint);
  return hub;
}

const weights = ({ path }: Asked) => path.endsWith('/model.safetensors') && !path.includes('/resolve/');
/** A download that stops a little after a record, so that a test need not be faster than it. */
const stopsAfterRecord = (asked: Asked): Mischief | null =>
  weights(asked) ? { silentAfter: RECORD + 2 * MIB } : null;
const served = () => server.served.filter(({ file }) => file === 'model.safetensors');

test('a look says what a model needs and whether it fits, before any download', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  const hub = await visitHub(page);
  await expect(hub.button('Look first')).toHaveAttribute('aria-disabled', 'true');
  await hub.repository.fill(`${server.endpoint}/${NAME}/tree/main`);
  await hub.button('Look first').press('Enter');
  await expect(hub.download).toContainText(
    /26[\d.]* MiB to download, in 5 files\. No weights were fetched yet/,
  );
  await expect(hub.repository).toHaveValue(NAME);
  const needs = page.getByRole('region', { name: `What ${NAME} needs`, exact: true });
  const verdict = needs.getByRole('status', { name: 'Does it fit', exact: true });
  const memory = needs.getByRole('spinbutton', { name: 'Memory to fit into, GiB', exact: true });
  await memory.fill('8');
  await expect(verdict).toContainText(
    'With 8 GiB, it fits on the GPU in every format, and fits on the CPU in every format.',
  );
  await expect(verdict).toContainText('This browser has room to store it.');
  // The model has 3.4 million weights, and 3 of its 8 layers keep KV.
  await expect(needs.getByRole('row', { name: /^f16/ })).toContainText(/6\.5\d MiB fits/);
  await expect(needs).toContainText(
    '512 tokens: 384 KiB in f16, 768 B per token, by its own plan 0_6_6_6_6_6_6_7',
  );
  await takePictures(openLab(page), testInfo, 'look', { part: needs, unfolded: true });
  await memory.fill('0.001');
  await expect(memory).toHaveAttribute('aria-invalid', 'true');
  expect(server.served.map(({ file }) => file)).toEqual(['config.json']);
  await expect(hub.stored).toContainText('None yet.');

  server.put('fairies/other', { ...repository, files: new Map([...repository.files, gemma]) });
  await hub.repository.fill('fairies/other');
  await hub.button('Look first').click();
  await expect(hub.download).toContainText('model_type');
  await expect(needs).toHaveCount(0);

  // A look that reaches nobody leaves nothing to resume.
  await page.route(`${server.endpoint}/**`, (route) => route.abort());
  await hub.button('Look first').click();
  await expect(page.getByText('Nothing was downloaded. Check the connection')).toBeVisible({
    timeout: 90_000,
  });
  await expect(hub.button('Resume download')).toBeHidden();
});

test('eight suggestions name public models, and a look at one asks the Hub for no weights', async ({
  page,
}) => {
  const asked: string[] = [];
  const { files } = repository;
  const sizes = [...files].map(([path, bytes]) => ({ type: 'file', path, size: bytes.length }));
  const listed = sizes.filter(({ path }) => ['config.json', 'model.safetensors'].includes(path));
  await page.context().route('https://huggingface.co/**', async (route) => {
    const path = new URL(route.request().url()).pathname;
    asked.push(path);
    const headers = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' };
    const id = 'HuggingFaceTB/SmolLM2-135M-Instruct';
    if (path.includes('/revision/')) await route.fulfill({ headers, json: { id, sha: repository.commit } });
    else if (path.includes('/paths-info/')) await route.fulfill({ headers, json: listed });
    else await route.fulfill({ headers, body: Buffer.from(files.get('config.json') ?? []) });
  });
  const hub = await visitHub(page);
  await page.getByText('Eight models to start with').click();
  await expect(page.getByRole('button', { name: /^Look at / })).toHaveCount(8);
  expect(asked).toEqual([]);
  await hub.button('Look at SmolLM2 135M').click();
  await expect(hub.repository).toHaveValue('HuggingFaceTB/SmolLM2-135M-Instruct');
  await expect(hub.endpoint).toHaveValue('https://huggingface.co');
  await expect(hub.download).toContainText('26.');
  expect(asked.some((path) => path.endsWith('.safetensors'))).toBe(false);
});

test('a download shows beside Generate how far it is, while its panel is out of sight', async ({
  page,
}, testInfo) => {
  await bringAxe(page);
  server.misbehave((asked) => (weights(asked) ? { drip: { bytes: MIB / 2, everyMs: 150 } } : null));
  const hub = await visitHub(page);
  const beside = page.getByRole('progressbar', { name: 'Download beside the run', exact: true });
  await expect(beside).toHaveCount(0);
  await hub.repository.fill(NAME);
  await hub.load.click();
  await page.setViewportSize({ width: 390, height: 800 });
  await openLab(page).prompt.scrollIntoViewIfNeeded();
  await expect(beside).toBeInViewport();
  await expect(page.getByRole('tabpanel', { name: 'Write' })).toContainText(/Downloading .* MiB of 26/);
  await page.screenshot({ path: testInfo.outputPath('beside-390.png') });
  await hub.button('Show download').click();
  await expect(hub.repository).toBeFocused();
  await hub.cancel.click();
  await expect(beside).toHaveCount(0);
});

test('a model from the Hub is downloaded, runs, and starts again without a network', async ({ page }) => {
  await page.goto('./#v=1&seed=5'); // a link loads nothing by itself
  const hub = openHub(page);
  // The address of its page names the server too, where the person can see it.
  await hub.repository.fill(`${server.endpoint}/${NAME}/tree/main`);
  await hub.repository.blur();
  await expect(hub.repository).toHaveValue(NAME);
  await expect(hub.endpoint).toHaveValue(server.endpoint);
  expect(server.asked).toEqual([]);
  await hub.load.click();
  await ready(page);
  await expect(hub.download).toContainText('stored and verified: 26.');
  await expect(hub.stored).toContainText(NAME);
  await expect(hub.stored).toContainText('verified');
  await expect(page).toHaveURL(new RegExp(`model=${NAME}&endpoint=`));
  const lab = openLab(page);
  await chooseGreedy(lab);
  const text = await generate(lab, 6);
  expect(server.asked.some(({ path }) => path.endsWith('golden.json'))).toBe(false);

  await server.stop();
  const asked = server.asked.length;
  // The address follows a little after the last edit.
  await expect(page).toHaveURL(/temperature=0.*repetition=1|repetition=1.*temperature=0/);
  await page.reload();
  // The address names the model, which is here.
  await expect(page.getByRole('alert')).toContainText(`${NAME}, which is stored on this device`);
  await expect(page.getByRole('alert')).not.toContainText('nothing was downloaded');
  await page.getByRole('button', { name: 'Load it', exact: true }).click();
  await ready(page);
  expect(await generate(openLab(page), 6)).toBe(text);
  await lab.select('Weights').selectOption('8-bit');
  await expect(hub.stored).toContainText(/and 3\.\d+ MiB of quantized weights/);
  expect(server.asked.length).toBe(asked);

  await hub.button(`Delete ${NAME}`).click();
  await expect(hub.stored).toContainText('None yet.');
  await hub.button('Undo deleting').click();
  await expect(hub.stored).toContainText(NAME);
  await hub.button(`Delete ${NAME}`).click();
  await expect(hub.stored).toContainText('None yet.');
  // The next visit deletes for good what this one did not.
  await page.reload();
  await expect(hub.stored).toContainText('None yet.');
});

test('a branch that moved is reported after the stored model has loaded, and its newer commit loads', async ({
  page,
}) => {
  const hub = await visitHub(page);
  const news = page.getByRole('status', { name: 'Newer commit', exact: true });
  await hub.repository.fill(NAME);
  await hub.load.click();
  await ready(page);
  await expect(openLab(page).kv).toContainText('37.5 % of plain LLaMA');
  server.put(NAME, fairyRepository(MIB, { commit: 'de5'.padEnd(40, '0') }, 'fairy-llama'));
  await page.reload();
  const soFar = server.asked.length;
  await hub.button(`Load ${NAME} from this device`).click();
  await ready(page);
  expect(server.asked).toHaveLength(soFar);
  server.misbehave(() => ({ noCors: true }));
  await hub.load.click();
  await expect.poll(() => server.asked.length).toBeGreaterThan(soFar);
  await ready(page);
  await expect(news).toBeEmpty();

  server.misbehave(() => null);
  await hub.load.click();
  await expect(news).toContainText('main has a newer commit than the stored one (fa1e000 → de50000).');
  await ready(page);
  expect(served()).toHaveLength(1);
  await hub.button('Download the newer one').click();
  await expect(hub.download).toContainText('stored and verified: ');
  await ready(page);
  await expect(news).toBeEmpty();
  await expect(openLab(page).kv).toContainText('100 % of plain LLaMA');
  await expect(hub.stored).toContainText('an older main, commit fa1e000');
  await expect(hub.stored).toContainText(/[^r] main, commit de50000/);
  await hub.button(`Delete ${NAME}@fa1e000`).click();
  await expect(hub.stored).not.toContainText('fa1e000');
  expect(await generate(openLab(page), 4)).not.toBe('');
});

test('a killed tab loses less than a record, and a pause loses nothing', async ({ context }) => {
  server.misbehave(stopsAfterRecord);
  const killed = await context.newPage();
  const before = await visitHub(killed);
  await before.repository.fill(NAME);
  await before.load.click();
  await expect(before.download).toContainText(/Downloading .* of 26/);
  await killed.evaluate(recordStored);
  await killed.close({ runBeforeUnload: false });

  const page = await context.newPage();
  const hub = await visitHub(page);
  await expect(hub.stored).toContainText(/8[\d.]* MiB of 26[\d.]* MiB, not complete/);
  await expect(hub.button(`Resume the download of ${NAME}`)).toBeVisible();
  // Slow enough to be paused on the way.
  server.misbehave((asked) => (weights(asked) ? { drip: { bytes: MIB, everyMs: 400 } } : null));
  await hub.repository.fill(NAME);
  await hub.load.click();
  await expect(hub.download).toContainText(
    /Downloading .*: (1[6-9]|2\d)[\d.]* MiB of 26.*MiB\/s, \d+ s left/,
  );
  await hub.pause.click();
  await expect(hub.download).toContainText('Paused');
  const soFar = served().length;
  await page.waitForTimeout(300);
  expect(served()).toHaveLength(soFar);
  server.misbehave(() => null);
  await hub.resume.click();
  await ready(page);
  const begins = served().map(({ begin }) => begin);
  expect(begins.slice(0, 2)).toEqual([0, RECORD]);
  expect(begins[2]).toBeGreaterThan(RECORD);
  await hub.button(`Check ${NAME}`).click();
  await expect(hub.download).toContainText('every digest is right');
});

test('one of two tabs downloads and the other follows, and both get the model', async ({ context }) => {
  // Slow enough for the second tab to come while the first one downloads.
  server.misbehave((asked) => (weights(asked) ? { drip: { bytes: MIB, everyMs: 300 } } : null));
  const [first, second] = [await context.newPage(), await context.newPage()];
  const hubs = [await visitHub(first), await visitHub(second)] as const;
  for (const hub of hubs) await hub.repository.fill(NAME);
  await hubs[0].load.click();
  await expect(hubs[0].download).toContainText(/Downloading .* MiB of 26/);
  await hubs[1].load.click();
  await expect(hubs[1].download).toContainText(/Another tab downloads .* MiB of 26/);
  await ready(second);
  await ready(first);
  expect(served()).toHaveLength(1);
});

test('a gated model needs its token, which goes nowhere else and is not kept by default', async ({
  page,
}) => {
  const hub = await visitHub(page);
  await hub.repository.fill('fairies/gated');
  await hub.load.click();
  await expect(hub.download).toContainText('gated or private');
  await hub.token.fill('hf_secret');
  await hub.load.click();
  await ready(page);
  expect(server.served.every(({ authorization }) => authorization === null)).toBe(true);
  expect(server.asked.some(({ path }) => path.includes('secret'))).toBe(false);
  expect(page.url()).not.toContain('secret');
  await page.reload();
  await hub.endpoint.fill(server.endpoint);
  await hub.endpoint.blur();
  await expect(hub.stored).toContainText('fairies/gated');
  await expect(hub.token).toHaveValue('');

  await hub.token.fill('hf_secret');
  await page.getByRole('checkbox', { name: 'Remember the token on this device' }).check();
  await page.waitForTimeout(300); // a reload at once would drop what the page is about to store
  await page.reload();
  await hub.endpoint.fill(server.endpoint);
  await hub.endpoint.blur();
  await expect(hub.token).toHaveValue('hf_secret');
});

test('a link to a model from elsewhere sends no request until it is confirmed', async ({ page }) => {
  await page.goto(`./#v=1&model=${NAME}&endpoint=${server.endpoint}&prompt=A+king`);
  const notice = page.getByRole('alert');
  await expect(notice).toContainText(NAME);
  await expect(notice).toContainText(server.endpoint);
  await expect(openHub(page).load).toBeVisible();
  expect(server.asked).toEqual([]);
  await page.getByRole('button', { name: 'Ask for its size' }).click();
  const hub = openHub(page);
  await expect(hub.download).toContainText(/26[\d.]* MiB to download, in 5 files/);
  await expect(hub.endpoint).toHaveValue(server.endpoint);
  expect(server.served.map(({ file }) => file)).toEqual(['config.json']);
  await expect(hub.repository).toBeFocused();
  const asked = server.asked.length;
  await hub.token.fill('hf_secret');
  await hub.token.fill('');
  await page.waitForTimeout(300);
  expect(server.asked.length, 'typing asks nobody').toBe(asked);
  await hub.load.click();
  await ready(page);
  await expect(openLab(page).prompt).toHaveValue('A king');
});

test('a broken download resumes with Range across the redirect, and hidden answers are explained', async ({
  page,
}) => {
  let cuts = 2;
  // Far behind a record: what Chromium has received and the page has not read yet is lost with the connection.
  server.misbehave((asked) => (weights(asked) && cuts-- > 0 ? { cutAfter: 12 * MIB } : null));
  const hub = await visitHub(page);
  await hub.repository.fill(NAME);
  await hub.load.click();
  await ready(page);
  expect(served()).toHaveLength(3);
  const [first, second, third] = served();
  expect(first?.range).toBeNull();
  expect(second?.begin).toBeGreaterThanOrEqual(RECORD);
  expect(third?.begin).toBeGreaterThan(second?.begin ?? 0);
  await hub.button(`Delete ${NAME}`).click();
  await expect(hub.stored).toContainText('None yet.');

  server.misbehave((asked) => (asked.path.startsWith('/api/') ? { noCors: true } : null));
  await hub.load.click();
  await expect(hub.download).toContainText('next try in');
  await hub.cancel.click();
  await expect(hub.download).toContainText('cancelled');
});

test('a check finds a damaged part on the device and fetches only that part again', async ({ page }) => {
  const hub = await visitHub(page);
  await hub.repository.fill(NAME);
  await hub.load.click();
  await ready(page);
  await page.evaluate(async () => {
    const open = indexedDB.open('kvtab');
    await new Promise((resolve) => (open.onsuccess = resolve));
    const store = open.result.transaction('values', 'readwrite').objectStore('values');
    const keys = await new Promise<IDBValidKey[]>((resolve) => {
      const asked = store.getAllKeys();
      asked.onsuccess = () => resolve(asked.result);
    });
    const key = keys.find(
      (parts) =>
        Array.isArray(parts) &&
        parts[0] === 'model-record-1' &&
        parts.includes('model.safetensors') &&
        parts.at(-1) === 1,
    );
    if (key === undefined) throw new Error('there is no such record');
    await new Promise<void>((resolve) => {
      const asked = store.get(key);
      asked.onsuccess = () => {
        const bytes = asked.result as Uint8Array;
        bytes[5] = ((bytes[5] ?? 0) + 1) % 256;
        store.put(bytes, key).onsuccess = () => resolve();
      };
    });
  });
  await hub.button(`Check ${NAME}`).click();
  await expect(hub.download).toContainText('8 MiB were damaged and have been replaced');
  expect(served().map(({ range }) => range)).toEqual([null, `bytes=${RECORD}-${2 * RECORD - 1}`]);
  expect(weightsBytes).toBeGreaterThan(3 * RECORD);
});

test('if the device is full, the page says how much room is missing, and loads without storing', async ({
  page,
  baseURL,
}) => {
  // Before the page opens its database: Chromium remembers for a while how much room there was.
  const devtools = await page.context().newCDPSession(page);
  const { origin } = new URL(baseURL ?? '');
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 12 * MIB });
  const hub = await visitHub(page);
  await hub.repository.fill(NAME);
  await hub.load.click();
  await expect(hub.download).toContainText(
    /room for 0 B more; 18\.[\d]* MiB are needed, so 18\.[\d]* MiB are missing/,
  );
  const soFar = served().length;
  await hub.button('Load without storing').click();
  await ready(page);
  expect(await generate(openLab(page), 4)).not.toBe('');
  // Stored records are not fetched again, and no new ones are stored.
  expect(served().length).toBeGreaterThan(soFar);
  expect(
    served()
      .slice(soFar)
      .every(({ begin }) => begin === RECORD),
  ).toBe(true);
  await expect(hub.stored).toContainText(/8[\d.]* MiB of 26[\d.]* MiB, not complete/);
});
