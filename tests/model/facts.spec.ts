// The facts in docs/semantics.md, on both backends.
import { afterAll, describe, expect, it } from 'vitest';
import type { ModelWeights, SessionOptions } from '../../gpu/backend.ts';
import { chooseMode } from '../../gpu/plan/choose-mode.ts';
import { type Passes } from '../../gpu/plan/forward-plan.ts';
import { expectAllClose } from '../support/all-close.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { shippedFolder } from '../support/golden.ts';
import { putRandomModel, runSession, tinyDims } from '../support/random-model.ts';
import { backends, openBackend, TestEngine } from '../support/test-engine.ts';

const dims = { ...tinyDims, layerCount: 8 };
const prompt = [3, 1, 30, 12, 36, 0, 7, 7, 21, 5, 18];
const plain = layersOf('0_1_2_3_4_5_6_7');

// Both modes compute the same float32 sums in different orders. Logits are about 5.
const float32 = 2e-4;

const noDiagonal = (plan: string) => sharingOf(plan, { windowTokens: 4, forceNodiag: true });

const optionsOf = (plan: string, passes: Passes): SessionOptions => ({
  sharing: sharingOf(plan, { windowTokens: 4 }),
  passes,
  kvPrecision: 'f32',
  capacityTokens: 64,
});

describe.each(backends)('On the backend %s', (name) => {
  const opened = openBackend(name);
  const model = opened.then((backend) => putRandomModel([backend], dims, plain));
  afterAll(async () => (await opened).destroy());

  const both = async (plan: string, passes: Passes) => {
    const [weights] = await model;
    const options = optionsOf(plan, passes);
    const run = (mode: 'sequential' | 'parallel') =>
      runSession(weights as ModelWeights, options, { turns: [prompt], mode });
    return { sequential: await run('sequential'), parallel: await run('parallel') };
  };

  it.each(['0_1_2_3_4_5_6_7', '0_0_2_2_4_4_6_6', '0s_1s_2s_3s_4_4_4_4', '0_1s_1s_3s_3s_3s_0_7s'])(
    'a plan that never reads above needs one pass, and parallel equals sequential: %s',
    async (plan) => {
      const { sequential, parallel } = await both(plan, { forward: 1, backward: 0 });
      parallel.logits.forEach((row, position) =>
        expectAllClose(row, sequential.logits[position] ?? [], float32, `position ${position}, token`),
      );
    },
  );

  it.each(['0_6_6_6_6_6_6_7', '0_3_3_3_3_3_3_7', '7_7_7_7_7_7_7_7', '1_0_3_2_5s_4_7_6s', '2_2_2_5_5_5_7_7'])(
    'after n passes the first n positions are exact: %s',
    async (plan) => {
      for (const passes of [1, 3, 6]) {
        const { sequential, parallel } = await both(plan, { forward: passes, backward: 0 });
        for (let position = 0; position < passes; position++) {
          const expected = sequential.logits[position] ?? [];
          expectAllClose(
            parallel.logits[position] ?? [],
            expected,
            float32,
            `${passes} passes, position ${position},`,
          );
        }
        const far = prompt.length - 1;
        const apart = Math.max(
          ...(parallel.logits[far] ?? []).map((logit, i) =>
            Math.abs(logit - (sequential.logits[far]?.[i] ?? 0)),
          ),
        );
        expect(apart, 'the last position is not exact yet').toBeGreaterThan(float32);
      }
    },
  );

  it.each(['0_6_6_6_6_6_6_7', '7_7_7_7_7_7_7_7', '1_0_3_2_5s_4_7_6s'])(
    'with at least as many passes as the prompt has tokens, parallel equals sequential: %s',
    async (plan) => {
      const { sequential, parallel } = await both(plan, { forward: prompt.length - 1, backward: 1 });
      parallel.logits.forEach((row, position) =>
        expectAllClose(row, sequential.logits[position] ?? [], float32, `position ${position}, token`),
      );
    },
  );

  it('a first token that no layer may see attends to nothing: no key or value projection changes it', async () => {
    const [weights] = await model;
    const first = (plan: string) =>
      runSession(weights as ModelWeights, optionsOf(plan, { forward: 7, backward: 2 }), {
        turns: [prompt.slice(0, 1)],
        mode: 'sequential',
      });
    // Layer 7 reads itself here, and so sees the token.
    const seen = await first('1_2_3_4_5_6_7_7');
    const nodiagonal = await runSession(
      weights as ModelWeights,
      {
        ...optionsOf('7_7_7_7_7_7_7_7', { forward: 7, backward: 2 }),
        sharing: noDiagonal('7_7_7_7_7_7_7_7'),
      },
      { turns: [prompt.slice(0, 1)], mode: 'sequential' },
    );
    const allPlain = await runSession(
      weights as ModelWeights,
      {
        ...optionsOf('0_1_2_3_4_5_6_7', { forward: 7, backward: 2 }),
        sharing: noDiagonal('0_1_2_3_4_5_6_7'),
      },
      { turns: [prompt.slice(0, 1)], mode: 'sequential' },
    );
    expect([...(nodiagonal.logits[0] ?? [])]).toEqual([...(allPlain.logits[0] ?? [])]);
    expect([...(seen.logits[0] ?? [])]).not.toEqual([...(allPlain.logits[0] ?? [])]);
  });
});

describe('On trained models', () => {
  it.each(backends)(
    'parallel mode approximates sequential mode, and converges within nine passes (%s)',
    async (backend) => {
      const engine = new TestEngine(backend);
      await engine.load(shippedFolder('fairy-lckv'));
      const tokens = [0, 1554, 326, 645, 260, 522, 453, 309, 260, 594, 413, 342, 260, 769, 13, 271, 276];
      const last = tokens.length - 1;
      const logits = async (mode: 'sequential' | 'parallel', forwardPasses: number) => {
        const result = await engine.generate({
          input: { turns: [tokens] },
          mode,
          config: { forwardPasses, backwardPasses: 0 },
          logits: [last],
        });
        return result.logits[0] ?? new Float32Array();
      };
      const exact = await logits('sequential', 1);
      const error = async (passes: number) =>
        Math.max(...(await logits('parallel', passes)).map((logit, i) => Math.abs(logit - (exact[i] ?? 0))));

      const errors = [await error(1), await error(3), await error(9)];
      expect(errors[0]).toBeGreaterThan(0.1);
      expect(errors[1]).toBeLessThan(errors[0] ?? 0);
      expect(errors[2]).toBeLessThan(1e-3);
      await engine.close();
    },
  );
});

describe('The published rule for choosing', () => {
  const lckv = layersOf('0_6_6_6_6_6_6_7');
  const passes = { forward: 7, backward: 2 };
  const facts = {
    layers: lckv,
    promptTokens: 10,
    passes,
    useSequential: false,
    adapter: { backend: 'webgpu', software: false },
  } as const;

  it('is sequential if use_sequential is set', () => {
    expect(chooseMode('auto', { ...facts, useSequential: true })).toBe('sequential');
  });

  it('is sequential if the plan reads above somewhere and the prompt has at most m + b tokens', () => {
    expect(chooseMode('auto', { ...facts, promptTokens: 9 })).toBe('sequential');
    expect(chooseMode('auto', { ...facts, promptTokens: 9, layers: plain })).toBe('parallel');
  });

  it('is parallel otherwise, and a requested mode always wins', () => {
    expect(chooseMode('auto', facts)).toBe('parallel');
    expect(chooseMode('sequential', facts)).toBe('sequential');
    expect(chooseMode('parallel', { ...facts, useSequential: true })).toBe('parallel');
  });
});
