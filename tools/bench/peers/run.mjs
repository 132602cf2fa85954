// `npm run --silent bench:peers` compares kvtab with other engines on this machine, and prints JSON. Every subject takes
// turns with native llama.cpp on the same weights, A B B A, so that other work on the machine slows both.
import { fork } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { assemblyScript } from '../../setup/assembly-script.mjs';
import { root } from '../../setup/build-for-node.mjs';
import { findChromium, quietFlags, webGpuFlags } from '../../setup/find-chromium.mjs';
import { isolation } from '../../setup/isolation.mjs';
import { peerBuild, peerFiles } from '../../setup/peer-files.mjs';
import { readOptions } from '../../setup/read-options.mjs';
import { wholeNumber } from '../../setup/whole-number.mjs';
import { whereMeasured } from '../machine.mjs';
import { medianOf, spread } from '../spread.mjs';
import { installNative, NATIVE_VERSION } from './install-native.mjs';
import { processTimeMs } from './process-time.mjs';

/**
 * @typedef {{ tokens: readonly number[], prefillMs: number, decodeTokensPerSec: number }} Continued
 * @typedef {Continued & { cpuMs: number | null, wallMs: number }} Timed
 * @typedef {{ program: string, run(prompt: readonly number[], newTokens: number, times: number): Promise<Timed>, close(): Promise<void> }} Side
 * @typedef {{ engine: 'kvtab' | 'wllama' | 'transformers.js', backend: 'cpu' | 'webgpu', weights: 'stored' | 'q8' | 'q4' | 'w4a8' }} Subject
 * @typedef {{ name: string, folder: string, prefill: readonly number[], url: string }} Model
 */

const cache = join(root, 'node_modules', '.cache', 'kvtab-peers-models');

/** @type {readonly Subject[]} */
const onCpu = [
  { engine: 'kvtab', backend: 'cpu', weights: 'stored' },
  { engine: 'kvtab', backend: 'cpu', weights: 'q8' },
  { engine: 'kvtab', backend: 'cpu', weights: 'q4' },
  { engine: 'kvtab', backend: 'cpu', weights: 'w4a8' },
  { engine: 'wllama', backend: 'cpu', weights: 'stored' },
  { engine: 'wllama', backend: 'cpu', weights: 'q8' },
  { engine: 'wllama', backend: 'cpu', weights: 'q4' },
  { engine: 'transformers.js', backend: 'cpu', weights: 'stored' },
];
/** @type {readonly Subject[]} */
const onGpu = [
  { engine: 'kvtab', backend: 'webgpu', weights: 'stored' },
  { engine: 'transformers.js', backend: 'webgpu', weights: 'stored' },
];

/** @param {Subject} subject */
const nameOf = ({ engine, backend, weights }) =>
  `${engine} ${backend} ${weights === 'stored' ? 'f16' : weights}`;

const usage = `npm run --silent bench:peers -- [options]
  --models A,B    fairy-llama, and shapes such as 135m (fairy-llama,135m)
  --subjects A,B  parts of names such as "kvtab", "wllama cpu q4", "webgpu" (all that run on the CPU; "webgpu" adds those)
  --prefill N,N   prompts, in tokens (fairy-llama: 128,8192; others: 32,128)
  --decode N      new tokens after a prompt of 32 (64)
  --rounds N      pairs of runs for each figure (4)
  --threads N     1, or as many as this machine has (1)`;

const values = readOptions(
  {
    models: { type: 'string', default: 'fairy-llama,135m' },
    subjects: { type: 'string', default: '' },
    prefill: { type: 'string', default: '' },
    decode: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '4' },
    threads: { type: 'string', default: '1' },
  },
  usage,
);

/** @param {readonly string[]} wanted */
function subjectsOf(wanted) {
  const all = [...onCpu, ...onGpu];
  if (wanted.length === 0) return onCpu;
  const found = all.filter((subject) => wanted.some((part) => nameOf(subject).includes(part)));
  if (found.length === 0) throw new Error(`--subjects: none of ${all.map(nameOf).join(', ')} is meant`);
  return found;
}

/** The same prompt as in the laboratory. */
const promptOf = (/** @type {number} */ tokens, /** @type {number} */ vocabulary) =>
  Array.from({ length: tokens }, (_, i) => (i * 7919 + 1) % vocabulary);

/** The figures of a spread, as many digits as mean something. @param {readonly number[]} numbers */
function spreadOf(numbers) {
  const { median, min, max } = spread(numbers);
  const [shortMedian, shortMin, shortMax] = [median, min, max].map((number) => Number(number.toPrecision(4)));
  return { median: shortMedian, min: shortMin, max: shortMax };
}

/**
 * Several runs as one: processor time of each, and medians of wall time.
 *
 * @param {number} times
 * @param {() => Promise<Continued>} run
 * @param {() => number | null} cpuMs until now
 * @returns {Promise<Timed>}
 */
async function timed(times, run, cpuMs) {
  const [startMs, startCpuMs] = [performance.now(), cpuMs()];
  /** @type {Continued[]} */
  const runs = [];
  for (let i = 0; i < times; i++) runs.push(await run());
  const [wallMs, endCpuMs] = [(performance.now() - startMs) / times, cpuMs()];
  const median = (/** @type {(run: Continued) => number} */ of) => medianOf(runs.map(of));
  return {
    tokens: runs[0]?.tokens ?? [],
    prefillMs: median((each) => each.prefillMs),
    decodeTokensPerSec: median((each) => each.decodeTokensPerSec),
    cpuMs: startCpuMs === null || endCpuMs === null ? null : (endCpuMs - startCpuMs) / times,
    wallMs,
  };
}

async function main() {
  const rounds = wholeNumber('rounds', values.rounds);
  const newTokens = wholeNumber('decode', values.decode);
  const threads = wholeNumber('threads', values.threads, { max: 64 });
  if (threads !== 1 && threads !== Math.min(8, cpus().length))
    throw new Error(`--threads is 1 or, as a page takes them, ${Math.min(8, cpus().length)} here`);
  const subjects = subjectsOf(values.subjects.split(',').filter((part) => part !== ''));
  const native = installNative();
  mkdirSync(cache, { recursive: true });
  const server = await createServer({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'error',
    plugins: [assemblyScript(), peerFiles(isolation), randomModels()],
    worker: { format: 'es' },
    optimizeDeps: { noDiscovery: true, include: ['@huggingface/tokenizers'] },
    server: { host: '127.0.0.1', port: 0, hmr: false, headers: isolation },
  });
  try {
    await server.listen();
    const writer = /** @type {typeof import('./write-models.ts')} */ (
      await server.ssrLoadModule('/tools/bench/peers/write-models.ts')
    );
    /** @type {Record<string, unknown>} */
    const models = {};
    for (const name of values.models.split(',')) {
      const model = await modelOf(name, writer, server.resolvedUrls?.local[0] ?? '');
      models[name] = await compareAll(model, {
        subjects,
        rounds,
        newTokens,
        threads,
        native,
        writer,
        server,
      });
    }
    return {
      ...whereMeasured(),
      ...{ threads, rounds, nodeLlamaCpp: NATIVE_VERSION },
      about:
        'speeds in tokens per second, of wall time and, where Linux counts it, of processor time; ratios are to native llama.cpp with the same weights, pair by pair',
      models,
    };
  } finally {
    await server.close();
  }
}

/**
 * @param {string} name
 * @param {typeof import('./write-models.ts')} writer
 * @param {string} url
 * @returns {Promise<Model>}
 */
async function modelOf(name, writer, url) {
  const given =
    values.prefill === '' ? null : values.prefill.split(',').map((text) => wholeNumber('prefill', text));
  const shipped = join(root, 'public', 'models', name);
  if (existsSync(shipped))
    return { name, folder: shipped, prefill: given ?? [128, 8192], url: `${url}public/` };
  const folder = join(cache, 'models', name);
  await writer.writeRandomCheckpoint(name, folder);
  return { name, folder, prefill: given ?? [32, 128], url: `${url}random/` };
}

/** Serves the checkpoints of random numbers, which lie among what is ignored. @returns {import('vite').Plugin} */
const randomModels = () => ({
  name: 'kvtab:random-models',
  configureServer({ middlewares }) {
    middlewares.use((request, response, next) => {
      const asked = /^\/random\/models\/([\w,.-]+)\/([\w.-]+)$/.exec(
        new URL(request.url ?? '', 'http://page').pathname,
      );
      const path = asked && join(cache, 'models', asked[1] ?? '', asked[2] ?? '');
      if (!path) {
        next();
        return;
      }
      response.writeHead(existsSync(path) ? 200 : 404, isolation);
      if (existsSync(path)) createReadStream(path).pipe(response);
      else response.end();
    });
  },
});

/**
 * @param {Model} model
 * @param {{ subjects: readonly Subject[], rounds: number, newTokens: number, threads: number, native: string, writer: typeof import('./write-models.ts'), server: import('vite').ViteDevServer }} options
 */
async function compareAll(model, { subjects, rounds, newTokens, threads, native, writer, server }) {
  /** @type {{ vocab_size: number }} */
  const { vocab_size: vocabulary } = JSON.parse(readFileSync(join(model.folder, 'config.json'), 'utf8'));
  const positions = Math.max(32 + newTokens, ...model.prefill.map((tokens) => tokens + 1));
  /** @type {{ name: string, prompt: readonly number[], newTokens: number, rounds: number }[]} */
  const figures = [
    { name: 'decode', prompt: promptOf(32, vocabulary), newTokens, rounds },
    ...model.prefill.map((tokens) => ({
      name: `prefill ${tokens}`,
      prompt: promptOf(tokens, vocabulary),
      newTokens: 1,
      // Seconds each.
      rounds: tokens > 1000 ? 2 : rounds,
    })),
  ];
  /** @type {Record<string, unknown>} */
  const report = {};
  for (const subject of subjects) {
    // llama.cpp always rounds inputs to 8 bits.
    const weights = subject.weights === 'w4a8' ? 'q4' : subject.weights;
    const path = join(cache, `${model.name}-${weights}.gguf`);
    await writer.writeGguf(model.folder, weights, path);
    process.stderr.write(`bench: ${model.name}, ${nameOf(subject)}\n`);
    try {
      const there = await openNative(native, path, threads, positions);
      try {
        const here = await openInPage(subject, model, threads, positions, server);
        try {
          report[nameOf(subject)] = { program: here.program, ...(await compare(here, there, figures)) };
        } finally {
          await here.close();
        }
      } finally {
        await there.close();
      }
    } catch (error) {
      report[nameOf(subject)] = { failed: error instanceof Error ? error.message : String(error) };
    }
  }
  return report;
}

/**
 * @param {Side} here
 * @param {Side} there
 * @param {readonly { name: string, prompt: readonly number[], newTokens: number, rounds: number }[]} figures
 */
async function compare(here, there, figures) {
  /** @type {Record<string, unknown>} */
  const report = {};
  for (const { name, prompt, newTokens, rounds } of figures) {
    // The first runs compile, fill caches and tell how often to run: less than half a second is too short to count.
    /** @type {Map<Side, number>} */
    const again = new Map();
    for (const side of [here, there]) {
      /** @type {number[]} */
      const walls = [];
      const [warm, longestMs] = [newTokens > 1 ? 3 : 2, 3000];
      for (let i = 0; i < warm && walls.reduce((sum, ms) => sum + ms, 0) < longestMs; i++)
        walls.push((await side.run(prompt, newTokens, 1)).wallMs);
      again.set(side, Math.min(50, Math.max(1, Math.ceil(500 / Math.min(...walls)))));
    }
    /** @type {Map<Side, Timed[]>} */
    const runs = new Map([
      [here, []],
      [there, []],
    ]);
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? [here, there] : [there, here];
      for (const side of order) runs.get(side)?.push(await side.run(prompt, newTokens, again.get(side) ?? 1));
    }
    const [own = [], native = []] = runs.values();
    const tokens = newTokens > 1 ? newTokens : prompt.length;
    const wall = (/** @type {Timed} */ run) =>
      newTokens > 1 ? run.decodeTokensPerSec : (1000 * prompt.length) / run.prefillMs;
    // Of a whole run: a prompt of 32 tokens counts to decoding, on both sides.
    const cpu = (/** @type {Timed} */ run) => (run.cpuMs ? (1000 * tokens) / run.cpuMs : NaN);
    const counted = [...own, ...native].every((run) => run.cpuMs);
    const ratio = (/** @type {(run: Timed) => number} */ of) =>
      spreadOf(own.map((run, i) => of(run) / of(/** @type {Timed} */ (native[i]))));
    const same = own[0]?.tokens.findIndex((token, i) => token !== native[0]?.tokens[i]) ?? 0;
    report[name] = {
      tokensPerSec: spreadOf(own.map(wall)),
      nativeTokensPerSec: spreadOf(native.map(wall)),
      ratio: ratio(wall),
      ...(counted && {
        tokensPerCpuSec: spreadOf(own.map(cpu)),
        nativeTokensPerCpuSec: spreadOf(native.map(cpu)),
        cpuRatio: ratio(cpu),
      }),
      ...(newTokens > 1 && { sameTokensAsNative: same < 0 ? newTokens : same, of: newTokens }),
    };
  }
  return report;
}

/**
 * @param {string} folder
 * @param {string} path
 * @param {number} threads
 * @param {number} positions
 * @returns {Promise<Side>}
 */
async function openNative(folder, path, threads, positions) {
  const child = fork(
    join(root, 'tools', 'bench', 'peers', 'native.mjs'),
    [folder, path, String(threads), String(positions + 8)],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  const answer = () =>
    new Promise((resolve, reject) => {
      const ended = () => {
        reject(new Error('native llama.cpp ended'));
      };
      child.once('exit', ended);
      child.once('message', (/** @type {{ value?: unknown, error?: string }} */ message) => {
        child.off('exit', ended);
        if (message.error === undefined) resolve(message.value);
        else reject(new Error(message.error));
      });
    });
  await answer();
  let spentMs = 0;
  return {
    program: 'llama.cpp',
    run: (prompt, newTokens, times) => {
      const once = async () => {
        const answered = answer();
        child.send({ prompt, newTokens });
        const run = /** @type {Continued & { cpuMs: number }} */ (await answered);
        spentMs += run.cpuMs;
        return run;
      };
      return timed(times, once, () => spentMs);
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          resolve();
        });
        child.kill();
      }),
  };
}

/**
 * @param {Subject} subject
 * @param {Model} model
 * @param {number} threads
 * @param {number} positions
 * @param {import('vite').ViteDevServer} server
 * @returns {Promise<Side>}
 */
async function openInPage(subject, model, threads, positions, server) {
  const executablePath = findChromium();
  const browser = await chromium.launchServer({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [...quietFlags, ...(subject.backend === 'webgpu' ? webGpuFlags : [])],
  });
  const pid = browser.process().pid ?? 0;
  const client = await chromium.connect(browser.wsEndpoint());
  const page = await client.newPage();
  page.on('pageerror', ({ message }) => {
    process.stderr.write(`${message}\n`);
  });
  const local = server.resolvedUrls?.local[0] ?? '';
  await page.goto(`${local}tools/bench/peers/page.html`);
  await page.waitForFunction(() => 'openSubject' in globalThis);
  const program = await page.evaluate((wanted) => globalThis.openSubject(wanted), {
    ...{ ...subject, threads, positions, modelsUrl: model.url, model: model.name },
    files: filesOf(subject, local),
  });
  return {
    program,
    run: (prompt, newTokens, times) => {
      const once = () =>
        page.evaluate(
          ([given, count]) => globalThis.continuePrompt(given, count),
          /** @type {const} */ ([prompt, newTokens]),
        );
      return timed(times, once, () => processTimeMs(pid));
    },
    close: () => browser.close(),
  };
}

/**
 * @param {Subject} subject
 * @param {string} local
 */
function filesOf({ engine, backend }, local) {
  const served = (/** @type {{ path: string, bytes: number }} */ { path, bytes }) => ({
    url: new URL(path, local).href,
    bytes,
    parts: 1,
  });
  if (engine === 'kvtab') return null;
  if (engine === 'wllama') {
    const { version, script, wasm } = peerBuild.wllama;
    return { engine: /** @type {const} */ ('wllama'), version, script: served(script), wasm: served(wasm) };
  }
  const { loader, wasm } = peerBuild[backend];
  const script = served(peerBuild.script);
  return {
    engine: /** @type {const} */ ('transformers.js'),
    script,
    loader: served(loader),
    wasm: served(wasm),
  };
}

try {
  const report = await main();
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`, () => process.exit(0));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
  process.exit(2);
}
