// A process of its own: native llama.cpp, which opens a GGUF file and continues prompts as it is told.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , folder = '', path = '', threads = '1', positions = '512'] = process.argv;
const script = createRequire(join(folder, 'package.json')).resolve('node-llama-cpp');
/**
 * The part of node-llama-cpp that is used here. It is fetched by the bench alone, so its own types are not there.
 *
 * @typedef {{ clearHistory(): Promise<void>, evaluate(tokens: readonly number[], options: object): AsyncIterable<number> }} Sequence
 * @typedef {{ getSequence(): Sequence }} Context
 * @typedef {{ createContext(options: object): Promise<Context> }} Model
 * @typedef {{ llamaCppRelease: object, loadModel(options: object): Promise<Model> }} Llama
 */
const library =
  /** @type {{ getLlama(options: object): Promise<Llama>, LlamaLogLevel: Record<string, string> }} */ (
    await import(pathToFileURL(script).href)
  );
const llama = await library.getLlama({
  ...{ gpu: false, build: 'never', skipDownload: true, maxThreads: Number(threads) },
  logLevel: library.LlamaLogLevel['error'],
});
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({
  ...{ contextSize: Number(positions), batchSize: Math.min(512, Number(positions)), sequences: 1 },
  ...{ threads: Number(threads), flashAttention: true },
});
const sequence = context.getSequence();

/** @param {{ prompt: number[], newTokens: number }} wanted */
async function run({ prompt, newTokens }) {
  await sequence.clearHistory();
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  /** @type {number[]} */
  const tokens = [];
  let [firstMs, lastMs] = [0, 0];
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    lastMs = performance.now();
    if (tokens.length === 0) firstMs = lastMs;
    tokens.push(token);
    if (tokens.length === newTokens) break;
  }
  const { user, system } = process.cpuUsage(startCpu);
  const decodeTokensPerSec = newTokens < 2 ? 0 : (1000 * (newTokens - 1)) / (lastMs - firstMs);
  return { tokens, prefillMs: firstMs - startMs, decodeTokensPerSec, cpuMs: (user + system) / 1000 };
}

process.on('message', (wanted) => {
  run(/** @type {{ prompt: number[], newTokens: number }} */ (wanted)).then(
    (value) => process.send?.({ value }),
    (/** @type {unknown} */ error) => process.send?.({ error: String(error) }),
  );
});
process.send?.({ value: { release: llama.llamaCppRelease } });
