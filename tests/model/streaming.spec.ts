import { liveHeapBytes, modelSource, runningIn } from '#platform';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { openTokenizer } from '../../worker/text/tokenizer.ts';
import { shippedFolder } from '../support/golden.ts';
import { TestEngine, type TestBackend } from '../support/test-engine.ts';

// A text far longer than the context that the model was trained for (512 tokens), in a cache of 256 rows.
const model = shippedFolder('fairy-lckv');
const prompt = 128;
const atNight = inject('samples') === 'all';
const total = atNight ? 100_000 : 3000;
/** A hundred thousand tokens take minutes, on a software adapter an hour. */
const timeoutMs = atNight ? 90 * 60_000 : 120_000;
/** WebGPU streams at night: a software adapter takes long for so many tokens. */
const streaming: readonly TestBackend[] = atNight ? ['cpu', 'webgpu'] : ['cpu'];

/** Through the Looking-Glass (Carroll, 1871), read again from its start when it ends. */
async function bookTokens(count: number): Promise<readonly number[]> {
  const source = modelSource(model);
  const tokenizer = await openTokenizer((await source.text('tokenizer.json')) ?? '');
  const text = await modelSource('tests/fixtures').text('through-the-looking-glass.txt');
  const book = tokenizer.encode(text ?? '', false);
  const half = Math.min(book.length, Math.floor(count / 2));
  return Array.from({ length: count }, (_, i) => book[i % half] ?? 0);
}

const mean = (numbers: Float32Array) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

describe.runIf(runningIn === 'node').each(streaming)('With sinks, the backend %s', (backend) => {
  const engine = new TestEngine(backend);
  afterAll(() => engine.close());

  it(
    `streams ${total} tokens in constant memory, and no worse at the end than at the start`,
    async () => {
      await engine.load(model);
      const tokens = await bookTokens(total);
      const allocated = new Set<number>();
      const heap: number[] = [];
      const score = await engine.score(
        {
          input: { turns: [tokens.slice(0, prompt)] },
          continuation: tokens.slice(prompt),
          policy: { id: 'sinks', sinks: 4, recent: 252 },
          kvPrecision: 'f16',
        },
        (event) => {
          if (event.type !== 'prefill' || event.fraction < 0.3) return;
          allocated.add(engine.allocatedBytes);
          // By then the rows of logits that an evaluation keeps have reached their limit.
          if (event.fraction > 0.4 + 0.2 * heap.length) heap.push(liveHeapBytes() ?? 0);
        },
      );
      expect(allocated.size).toBe(1);
      if (atNight) expect(Math.max(...heap) - Math.min(...heap)).toBeLessThan(4 * 2 ** 20);
      // The second reading of the book against the first one, token by token the same.
      const half = total / 2;
      const first = score.logProbabilities.subarray(half / 10, half - prompt);
      const second = score.logProbabilities.subarray(half + half / 10, total - prompt);
      expect(mean(first)).toBeGreaterThan(-5);
      expect(mean(second)).toBeGreaterThan(mean(first) - 0.05);
    },
    timeoutMs,
  );
});
