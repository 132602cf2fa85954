// `npm run --silent bench:transformers` compares decoding with transformers.js in one Chromium, and prints JSON.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { assemblyScript } from '../../setup/assembly-script.mjs';
import { root } from '../../setup/build-for-node.mjs';
import { isolation } from '../../setup/isolation.mjs';
import { peerBuild, peerFiles } from '../../setup/peer-files.mjs';
import { findChromium, quietFlags, webGpuFlags } from '../../setup/find-chromium.mjs';
import { readOptions } from '../../setup/read-options.mjs';
import { wholeNumber } from '../../setup/whole-number.mjs';
import { whereMeasured } from '../machine.mjs';

/** @param {string} model */
function golden(model) {
  /** @type {{ tokens: number[], greedy_after_sequential: number[] }[]} */
  const [first] = JSON.parse(readFileSync(join(root, 'public', 'models', model, 'golden.json'), 'utf8'));
  if (!first) throw new Error(`${model} has no golden continuation`);
  return first;
}

/** @param {{ model: string, gpuTokens: number, cpuTokens: number, repeats: number }} options */
async function run({ model, gpuTokens, cpuTokens, repeats }) {
  const server = await createServer({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'error',
    plugins: [assemblyScript(), peerFiles(isolation)],
    optimizeDeps: { noDiscovery: true, include: ['@huggingface/tokenizers'] },
    server: { host: '127.0.0.1', port: 0, hmr: false, headers: isolation },
  });
  const executablePath = findChromium();
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [...quietFlags, ...webGpuFlags],
  });
  const { tokens: prompt, greedy_after_sequential: continuation } = golden(model);

  /**
   * Each comparison gets its own page, because ONNX Runtime starts only once per page.
   *
   * @param {'webgpu' | 'wasm'} device
   * @param {'webgpu' | 'cpu'} build
   * @param {number} threads
   */
  const compare = async (device, build, threads) => {
    const page = await browser.newPage();
    page.on('pageerror', (error) => {
      process.stderr.write(`${error.message}\n`);
    });
    await page.goto(`${server.resolvedUrls?.local[0] ?? ''}tools/bench/transformers/page.html`);
    await page.waitForFunction(() => 'compareDecoders' in globalThis);
    const expected = continuation.slice(0, device === 'webgpu' ? gpuTokens : cpuTokens);
    const served = (/** @type {{ path: string, bytes: number }} */ { path, bytes }) => ({
      url: new URL(path, server.resolvedUrls?.local[0]).href,
      bytes,
      parts: 1,
    });
    const { loader, wasm } = peerBuild[build];
    const files = {
      engine: /** @type {const} */ ('transformers.js'),
      script: served(peerBuild.script),
      loader: served(loader),
      wasm: served(wasm),
    };
    const request = { files, device, threads, model, prompt, expected, repeats };
    const comparison = await page.evaluate((wanted) => globalThis.compareDecoders(wanted), request);
    await page.close();
    return comparison;
  };
  try {
    await server.listen();
    const cores = cpus().length;
    return {
      chromium: browser.version(),
      webgpu: await compare('webgpu', 'webgpu', 1),
      cpu: await compare('wasm', 'webgpu', 1),
      cpuLeanRuntime: await compare('wasm', 'cpu', 1),
      cpuThreads: await compare('wasm', 'webgpu', cores),
    };
  } finally {
    await browser.close();
    await server.close();
  }
}

const usage = `npm run --silent bench:transformers -- [options]
  --model ID  a shipped model (fairy-lckv)
  --gpu N     new tokens on WebGPU, at most 64 (16)
  --cpu N     new tokens on the CPU, at most 64 (64)
  --repeats N (3)`;

/** @param {'gpu' | 'cpu' | 'repeats'} name */
function count(name) {
  return wholeNumber(name, values[name], { min: 2, max: 64 });
}

const values = readOptions(
  {
    model: { type: 'string', default: 'fairy-lckv' },
    gpu: { type: 'string', default: '16' },
    cpu: { type: 'string', default: '64' },
    repeats: { type: 'string', default: '3' },
  },
  usage,
);
try {
  const report = await run({
    model: values.model,
    gpuTokens: count('gpu'),
    cpuTokens: count('cpu'),
    repeats: count('repeats'),
  });
  process.stdout.write(`${JSON.stringify({ ...whereMeasured(), ...report }, null, 2)}\n`, () =>
    process.exit(0),
  );
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
  process.exit(2);
}
