import { runningIn } from '#platform';
import { afterAll, describe, expect, it } from 'vitest';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { KvPrecision } from '../../gpu/kv/usage.ts';
import { shippedFolder, shippedGolden } from '../support/golden.ts';
import { sampleOf } from '../support/samples.ts';
import { backends, TestEngine, type TestBackend } from '../support/test-engine.ts';

const all = [
  'fairy-lckv',
  'fairy-llama',
  'fairy-lckv-4',
  'fairy-cla',
  'fairy-yoco',
  'fairy-mixattention',
  'fairy-sandwich',
];
/** SwiftShader in Chromium is ten times slower than lavapipe in Node: it gets two models and one prompt. */
const models = runningIn === 'node' ? all : all.slice(0, 2);
const modes: readonly Mode[] = ['sequential', 'parallel'];

/** The twin is slow, and only an oracle: one prompt of each model, and all at night. */
const promptsFor = (backend: TestBackend) =>
  [0, 1, 2].slice(
    0,
    backend === 'twin' ? sampleOf({ all: 3, node: 1, chromium: 1 }) : runningIn === 'node' ? 3 : 1,
  );

/** Keys and values in half precision change the logits of these models by about 2e-3. */
const precisionsFor = (margin: number): readonly KvPrecision[] => (margin > 0.005 ? ['f32', 'f16'] : ['f32']);

describe.each(backends)('On the backend %s', (backend) => {
  const engine = new TestEngine(backend);
  afterAll(() => engine.close());

  const prompts = promptsFor(backend);

  describe.each(models)('the shipped model %s', (id) => {
    it.each(prompts.flatMap((prompt) => modes.map((mode) => [prompt, mode] as const)))(
      'writes the published text for its prompt %i after %s prefill',
      async (prompt, mode) => {
        const golden = (await shippedGolden(id))[prompt];
        if (!golden) throw new Error(`golden.json has no prompt ${prompt}`);
        await engine.load(shippedFolder(id));
        const tokens = mode === 'sequential' ? golden.greedy_after_sequential : golden.greedy_after_parallel;
        const text = mode === 'sequential' ? golden.text_after_sequential : golden.text_after_parallel;

        for (const kvPrecision of precisionsFor(golden.smallest_margin)) {
          const result = await engine.generate({
            input: { text: golden.prompt },
            mode,
            kvPrecision,
            maxNewTokens: tokens.length,
          });
          expect(result.promptTokens).toBe(golden.tokens.length);
          expect(result.tokens, `KV in ${kvPrecision}`).toEqual(tokens);
          expect(result.text).toBe(text);
        }
      },
    );

    it('chooses its mode by the published rule', async () => {
      await engine.load(shippedFolder(id));
      const [golden] = await shippedGolden(id);
      const result = await engine.generate({ input: { turns: [golden?.tokens ?? []] } });
      expect(result.mode).toBe(golden?.auto_mode);
    });
  });
});
