import { afterAll, describe, expect, it } from 'vitest';
import { groupsOf, type Mode } from '../../gpu/plan/forward-plan.ts';
import { kvLayerUsage } from '../../gpu/kv/usage.ts';
import type { GenerateResult } from '../../worker/protocol/generate.ts';
import { expectAllClose } from '../support/all-close.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { goldenFolder, goldenPrompt, goldenTurns, type GoldenPrompt } from '../support/golden.ts';
import { backends, TestEngine } from '../support/test-engine.ts';

const cases = [
  'llama',
  'lckv',
  'cla',
  'yoco',
  'mixattention',
  'sandwich-middle',
  'owner-below-in-group',
  'short-prompt',
];

/** float32 is within 1e-5 of the float64 of the cases. Another order of summing costs at most 1e-3. */
const tolerance = { absolute: 1e-3, relative: 0 };
const newTokens = 24;
const modes: readonly Mode[] = ['sequential', 'parallel'];

const logitsOf = (golden: GoldenPrompt, mode: Mode) =>
  mode === 'sequential' ? golden.sequential_logits : golden.parallel_logits;
const greedyOf = (golden: GoldenPrompt, mode: Mode) =>
  mode === 'sequential' ? golden.greedy_after_sequential : golden.greedy_after_parallel;

function expectLogits(result: GenerateResult, expected: readonly (readonly number[])[]) {
  expect(result.logits).toHaveLength(expected.length);
  for (const [row, logits] of result.logits.entries()) expectAllClose(logits, expected[row] ?? [], tolerance);
}

describe.each(backends)('On the backend %s', (backend) => {
  const engine = new TestEngine(backend);
  afterAll(() => engine.close());

  describe.each(cases)('the case %s', (name) => {
    it.each(modes)('has the logits of %s mode', async (mode) => {
      const golden = await goldenPrompt(name);
      await engine.load(goldenFolder(name));
      const result = await engine.generate({
        input: { turns: [golden.tokens] },
        mode,
        logits: golden.positions,
      });
      expect(result.mode).toBe(mode);
      expectLogits(result, logitsOf(golden, mode));
    });

    it.each(modes)('continues greedily from the cache that %s mode left', async (mode) => {
      const golden = await goldenPrompt(name);
      const { dims, stored } = await engine.load(goldenFolder(name));
      const result = await engine.generate({
        input: { turns: [golden.tokens] },
        mode,
        maxNewTokens: newTokens,
      });
      expect(result.tokens).toEqual(greedyOf(golden, mode));

      const sharing = sharingOf(stored.layerTypes, { windowTokens: stored.slidingWindow });
      // The KV of the last token is never computed.
      const tokens = golden.tokens.length + newTokens - 1;
      expect(result.kv.layers).toEqual(kvLayerUsage(sharing, dims, 'f32', tokens));
      expect(result.kv.bytes).toBe(result.kv.layers.reduce((sum, { bytes }) => sum + bytes, 0));
      expect(result.kv.allocatedBytes).toBeGreaterThanOrEqual(result.kv.bytes);
    });

    it('keeps the KV of its owners only, and chooses its mode by the published rule', async () => {
      const golden = await goldenPrompt(name);
      await engine.load(goldenFolder(name));
      const result = await engine.generate({ input: { turns: [golden.tokens] } });
      expect(result.mode).toBe(golden.auto_mode);
      expect(result.kv.layers.map(({ layer }) => layer)).toEqual(golden.kv_layers);
      expect(result.kv.bytesPerToken).toBe(golden.kv_bytes_per_token_f32);
      expect(result.tokens).toEqual([]);
    });
  });

  it('a second turn iterates over the cache that the first left', async () => {
    const golden = await goldenTurns('two-turns');
    await engine.load(goldenFolder('two-turns'));
    const result = await engine.generate({
      input: { turns: golden.turns },
      mode: 'parallel',
      logits: golden.positions,
    });
    expectLogits(result, golden.parallel_logits);
  });

  it('a text continues greedily after two turns', async () => {
    const golden = await goldenTurns('two-turns');
    await engine.load(goldenFolder('two-turns'));
    const result = await engine.generate({
      input: { turns: golden.turns },
      mode: 'parallel',
      maxNewTokens: newTokens,
    });
    expect(result.tokens).toEqual(golden.greedy_after_parallel);
  });

  it('logits come in the requested order, including repetitions', async () => {
    const golden = await goldenPrompt('lckv');
    await engine.load(goldenFolder('lckv'));
    const [first = 0, , middle = 0] = golden.positions;
    const result = await engine.generate({
      input: { turns: [golden.tokens] },
      mode: 'parallel',
      logits: [middle, first, middle],
    });
    expectLogits(
      result,
      [2, 0, 2].map((row) => golden.parallel_logits[row] ?? []),
    );
  });
});

it.each(cases)('The plan of %s has the groups of its golden case', async (name) => {
  const golden = await goldenPrompt(name);
  const engine = new TestEngine('cpu');
  const { stored } = await engine.load(goldenFolder(name));
  const groups = groupsOf(layersOf(stored.layerTypes));
  expect(groups.map(({ start, stop, iterated }) => [start, stop, iterated])).toEqual(golden.groups);
  await engine.close();
});
