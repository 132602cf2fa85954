// `npm run bench -- --model fairy-lckv --new 128`: measures, and prints JSON. `--help` lists what can be said.
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { importBuilt, root } from '../setup/build-for-node.mjs';

const usage = `npm run --silent bench -- [options]
  --in node|chromium   where to run (node)
  --backend webgpu|cpu (webgpu)
  --model ID           a shipped model (fairy-lckv)
  --shape S            random weights instead: 135m, 1.1b, or layers,hidden,intermediate,heads,kvHeads,headDim,vocab
  --weights W          stored, f32, f16, q8 or q4 (stored); a shape's are made in f16
  --embeddings         quantizes the embeddings and the head too
  --kv f16|f32         (f16)
  --layers PLAN        another layer_types
  --mode parallel|sequential (parallel)
  --prompt N           prompt tokens (11)
  --new N              new tokens (128)
  --repeats N          (3)`;

const { values } = parseArgs({
  options: {
    in: { type: 'string', default: 'node' },
    backend: { type: 'string', default: 'webgpu' },
    model: { type: 'string', default: 'fairy-lckv' },
    shape: { type: 'string' },
    weights: { type: 'string', default: 'stored' },
    embeddings: { type: 'boolean', default: false },
    kv: { type: 'string', default: 'f16' },
    layers: { type: 'string' },
    mode: { type: 'string', default: 'parallel' },
    prompt: { type: 'string', default: '11' },
    new: { type: 'string', default: '128' },
    repeats: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});

/**
 * @template {string} T
 * @param {string} name
 * @param {string} value
 * @param {readonly T[]} allowed
 * @returns {T}
 */
function oneOf(name, value, allowed) {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new Error(`--${name} is ${allowed.join(' or ')}, not "${value}"`);
  return found;
}

/**
 * @param {string} name
 * @param {string} value
 */
function count(name, value) {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`--${name} is a whole number above 0, not "${value}"`);
  return number;
}

async function run() {
  const place = oneOf('in', values.in, ['node', 'chromium']);
  /** @type {import('./bench.ts').BenchRequest} */
  const request = {
    model: values.model,
    shape: values.shape ?? null,
    weights: oneOf('weights', values.weights, ['stored', 'f32', 'f16', 'q8', 'q4']),
    quantizeEmbeddings: values.embeddings,
    kv: oneOf('kv', values.kv, ['f16', 'f32']),
    layers: values.layers ?? null,
    mode: oneOf('mode', values.mode, ['parallel', 'sequential']),
    promptTokens: count('prompt', values.prompt),
    newTokens: count('new', values.new),
    repeats: count('repeats', values.repeats),
    backend: oneOf('backend', values.backend, ['webgpu', 'cpu']),
  };
  if (place === 'chromium') {
    const { benchInChromium } = await import('./in-chromium.mjs');
    return benchInChromium(request);
  }
  const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('bench'));
  const { findSoftwareVulkan } = await import('../setup/vulkan.mjs');
  return main(request, root, () => Promise.resolve(findSoftwareVulkan()));
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

if (values.help) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}
try {
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
  const report = { machine, in: values.in, commit: commit(), ...(await run()) };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`, () => process.exit(0));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
  process.exit(2);
}
