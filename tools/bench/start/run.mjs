// `npm run --silent bench:start` measures from opening a page to its first token, kvtab's page and one of transformers.js
// by turns, each cold (a new profile) and warm (a second visit), and prints JSON. The server is on this machine, so a
// download costs next to nothing: `servedBytes` says what it would be elsewhere.
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { importBuilt, root } from '../../setup/build-for-node.mjs';
import { findChromium, quietFlags, webGpuFlags } from '../../setup/find-chromium.mjs';
import { peerPaths } from '../../setup/peer-files.mjs';
import { readOptions } from '../../setup/read-options.mjs';
import { removeFolder } from '../../setup/remove-folder.mjs';
import { wholeNumber } from '../../setup/whole-number.mjs';
import { whereMeasured } from '../machine.mjs';
import { spread } from '../spread.mjs';

const MODEL = 'fairy-llama';
const NEW_TOKENS = 16;
const POSITIONS = 256;

/** @typedef {{ url: string, served: () => number, close: () => Promise<void> }} Site */

/**
 * Serves a built folder.
 *
 * @param {string} outDir
 * @param {boolean} ours whether with the headers of kvtab's own configuration
 * @returns {Promise<Site>}
 */
async function serve(outDir, ours) {
  let bytes = 0;
  const server = await preview({
    root,
    configFile: ours ? join(root, 'vite.config.ts') : false,
    logLevel: 'error',
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0 },
    plugins: [
      {
        name: 'kvtab:count-bytes',
        configurePreviewServer({ middlewares }) {
          middlewares.use(({ socket }, response, next) => {
            const before = socket.bytesWritten;
            response.on('finish', () => {
              bytes += socket.bytesWritten - before;
            });
            next();
          });
        },
      },
    ],
  });
  return {
    url: server.resolvedUrls?.local[0] ?? '',
    served: () => bytes,
    close: () => server.close(),
  };
}

/** @param {string} folder */
async function writePeerPage(folder) {
  const { onnxOf } = /** @type {typeof import('../main.ts')} */ (await importBuilt('bench'));
  const shipped = join(root, 'public', 'models', MODEL);
  const model = join(folder, 'models', MODEL);
  mkdirSync(join(model, 'onnx'), { recursive: true });
  const { config, onnx } = await onnxOf(MODEL, POSITIONS, root);
  writeFileSync(join(model, 'config.json'), JSON.stringify(config));
  writeFileSync(join(model, 'generation_config.json'), '{}');
  writeFileSync(join(model, 'onnx', 'model.onnx'), onnx);
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    cpSync(join(shipped, name), join(model, name));
  }
  for (const path of peerPaths) cpSync(path, join(folder, basename(path)));
  cpSync(join(root, 'tools', 'bench', 'start', 'peer.html'), join(folder, 'index.html'));
}

/** What {@link pressAndWatch} marks. The zero of its time is the navigation. */
const FIRST_TOKEN = 'first token';

/**
 * In the page, from its start: presses Generate as soon as it can be pressed, and marks the first text of the output.
 *
 * @param {string} mark
 */
function pressAndWatch(mark) {
  let pressed = false;
  const look = () => {
    const button = [...document.querySelectorAll('button')].find(
      ({ textContent, disabled }) => textContent.trim() === 'Generate' && !disabled,
    );
    if (button && !pressed) {
      pressed = true;
      button.click();
    }
    if (document.querySelector('#output, section[aria-label="Output"]')?.textContent) {
      watch.disconnect();
      performance.mark(mark);
    }
  };
  const watch = new MutationObserver(look);
  watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}

/**
 * @param {import('playwright').BrowserContext} context
 * @param {string} url
 * @param {(page: import('playwright').Page) => Promise<void>} settle waits for what a visit leaves behind
 */
async function visit(context, url, settle) {
  const page = await context.newPage();
  page.on('pageerror', (error) => {
    process.stderr.write(`${error.message}\n`);
  });
  await page.addInitScript(pressAndWatch, FIRST_TOKEN);
  await page.goto(url);
  const mark = await page.waitForFunction(
    (name) => performance.getEntriesByName(name)[0]?.startTime,
    FIRST_TOKEN,
  );
  const firstTokenMs = Number(await mark.jsonValue());
  await settle(page);
  await page.close();
  return firstTokenMs;
}

/** Until the service worker has the page and the model, as a second visit finds them. */
const untilKept = (/** @type {import('playwright').Page} */ page) =>
  page.evaluate(async (model) => {
    await navigator.serviceWorker.ready;
    for (;;) {
      const kept = await (await caches.open('kvtab-models')).keys();
      if (kept.some(({ url }) => url.includes(`/${model}/model.safetensors`))) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }, MODEL);

/**
 * One cold and one warm visit, in a new profile.
 *
 * @param {Site} site
 * @param {string} url
 * @param {(page: import('playwright').Page) => Promise<void>} settle
 */
async function visitTwice(site, url, settle) {
  const profile = mkdtempSync(join(tmpdir(), 'kvtab-start-'));
  const executablePath = findChromium();
  const context = await chromium.launchPersistentContext(profile, {
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [...quietFlags, ...webGpuFlags],
  });
  try {
    const before = site.served();
    const coldMs = await visit(context, url, () => Promise.resolve());
    const servedBytes = site.served() - before;
    // What is kept is kept after the first token, by a visit that is not measured.
    await visit(context, url, settle);
    return { coldMs, warmMs: await visit(context, url, settle), servedBytes };
  } finally {
    await context.close();
    await removeFolder(profile);
  }
}

/** @param {{ repeats: number, outDir: string, peerDir: string }} options */
async function run({ repeats, outDir, peerDir }) {
  await writePeerPage(peerDir);
  const ours = await serve(outDir, true);
  const theirs = await serve(peerDir, false);
  const prompt = 'Once upon a time there was a king who';
  /** @param {'cpu' | 'webgpu'} backend */
  const pages = (backend) => {
    const device = backend === 'cpu' ? 'wasm' : 'webgpu';
    const asked = new URLSearchParams({ device, model: MODEL, prompt, new: String(NEW_TOKENS) });
    const link = new URLSearchParams({ v: '1', model: MODEL, backend, prompt, max: String(NEW_TOKENS) });
    return {
      kvtab: { site: ours, url: `${ours.url}#${link.toString()}`, settle: untilKept },
      transformers: {
        ...{ site: theirs, url: `${theirs.url}?${asked.toString()}`, settle: () => Promise.resolve() },
      },
    };
  };
  try {
    /** @type {Record<string, unknown>} */
    const report = { model: MODEL, repeats, timed: 'ms from the navigation to the first token' };
    for (const backend of /** @type {const} */ (['cpu', 'webgpu'])) {
      const both = pages(backend);
      /** @type {Record<keyof typeof both, Awaited<ReturnType<typeof visitTwice>>[]>} */
      const visits = { kvtab: [], transformers: [] };
      for (let i = 0; i < repeats; i++) {
        const names = /** @type {const} */ (['kvtab', 'transformers']);
        for (const name of i % 2 === 0 ? names : names.toReversed()) {
          const { site, url, settle } = both[name];
          visits[name].push(await visitTwice(site, url, settle));
        }
      }
      const of = (/** @type {keyof typeof visits} */ name) => ({
        cold: spread(visits[name].map(({ coldMs }) => coldMs)),
        warm: spread(visits[name].map(({ warmMs }) => warmMs)),
        servedBytes: visits[name].at(-1)?.servedBytes,
      });
      const [kvtab, transformers] = [of('kvtab'), of('transformers')];
      report[backend] = {
        ...{ kvtab, transformers },
        timesAsFast: {
          cold: transformers.cold.median / kvtab.cold.median,
          warm: transformers.warm.median / kvtab.warm.median,
        },
      };
    }
    return report;
  } finally {
    await ours.close();
    await theirs.close();
  }
}

const usage = `npm run --silent bench:start -- [options]
  --repeats N  new profiles of each page (3)
  --dist DIR   a page that is built already; otherwise it is built now`;

const values = readOptions({ repeats: { type: 'string', default: '3' }, dist: { type: 'string' } }, usage);
const workshop = mkdtempSync(join(tmpdir(), 'kvtab-start-'));
try {
  const repeats = wholeNumber('repeats', values.repeats, { max: 100 });
  const outDir = values.dist ?? join(workshop, 'dist');
  if (values.dist === undefined) {
    await build({ configFile: join(root, 'vite.config.ts'), logLevel: 'error', build: { outDir } });
  }
  const report = await run({ repeats, outDir, peerDir: join(workshop, 'peer') });
  process.stdout.write(`${JSON.stringify({ ...whereMeasured(), ...report }, null, 2)}\n`);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
  process.exitCode = 2;
} finally {
  await removeFolder(workshop);
}
process.exit();
