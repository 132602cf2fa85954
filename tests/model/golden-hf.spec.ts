import { afterAll, describe, expect, it } from 'vitest';
import { expectAllClose } from '../support/all-close.ts';
import { goldenHf, goldenHfFolder } from '../support/golden.ts';
import { backends, TestEngine } from '../support/test-engine.ts';

/** Written by tools/golden-hf/make_golden.py with transformers in float32, as users load checkpoints. */
const exact = [
  'mistral-window',
  'qwen2-implicit-bias',
  'qwen3-mixed-windows',
  'llama-biases-linear',
  'llama-llama3',
  'qwen3-yarn',
  'llama-yarn-mscale',
];

/** Also from transformers in float32, but with 16-bit weights and exact rotary frequencies. */
const sixteenBits = ['llama-bf16-sharded', 'qwen3-like', 'llama32-like-tied'];

const within = (absolute: number) => ({ absolute, relative: 0 });

describe.each(backends)('Checkpoints written by Hugging Face, on the backend %s', (backend) => {
  const engine = new TestEngine(backend);
  afterAll(() => engine.close());

  it.each([
    ...exact.map((name) => ({ name, apart: 2e-5 })),
    // The bound for which these answers were made. The measured difference is below 2e-5 as well.
    ...sixteenBits.map((name) => ({ name, apart: 1e-4 })),
  ])('give the same logits and greedy tokens as transformers: $name', async ({ name, apart }) => {
    const golden = await goldenHf(name);
    await engine.load(goldenHfFolder(name));
    const result = await engine.generate({
      input: { turns: [golden.tokens] },
      logits: golden.positions,
      maxNewTokens: golden.greedy.length,
    });
    for (const [row, logits] of result.logits.entries()) {
      expectAllClose(logits, golden.logits[row] ?? [], within(apart), `row ${row}, token`);
    }
    expect(result.tokens).toEqual(golden.greedy);
  });
});
