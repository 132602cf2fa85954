// What a run can record: the probabilities of its tokens, and the movement of passes. Recording changes nothing.
import { afterAll, describe, expect, it } from 'vitest';
import type { ModelWeights, PrefillOptions, SessionOptions } from '../../gpu/backend.ts';
import type { GroupMovement } from '../../gpu/plan/movement.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import type { TokenProbabilities } from '../../gpu/plan/token-probabilities.ts';
import { openCpuBackend } from '../../gpu/reference/backend.ts';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { expectAllClose } from '../support/all-close.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { openGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';

const dims = { ...tinyDims, layerCount: 8 };
const prompt = [3, 1, 30, 12, 36, 0, 7, 7, 21, 5, 18];

const opened = openGpuBackend();
const models = opened.then(async (backend) => {
  const backends = [backend, await openProcessorBackend(), openCpuBackend()];
  const [gpu, cpu, twin] = await putRandomModel(backends, dims, layersOf('0_1_2_3_4_5_6_7'));
  return { gpu: gpu as ModelWeights, cpu: cpu as ModelWeights, twin: twin as ModelWeights };
});
/** The backends that are compared with the twin. */
const subjects = ['gpu', 'cpu'] as const;
afterAll(async () => (await opened).destroy());

const optionsOf = (plan: string, passes: number, more: Partial<SessionOptions> = {}): SessionOptions => ({
  sharing: sharingOf(plan, { windowTokens: 4 }),
  passes: { forward: passes, backward: 0 },
  kvPrecision: 'f32',
  capacityTokens: 64,
  ...more,
});

const prefillOptions: PrefillOptions = {
  mode: 'parallel',
  logitsAt: [],
  onLogits: () => undefined,
  onProgress: () => undefined,
  stopped: () => false,
};

async function write(model: ModelWeights, probabilities: boolean) {
  const session = await model.open(optionsOf('0_6_6_6_6_6_6_7', 9, { probabilities }));
  try {
    await session.prefill(prompt, prefillOptions);
    const tokens: number[] = [];
    const recorded: (TokenProbabilities | null)[] = [];
    await session.decode({
      sampling: { ...greedy, temperature: 1.3, topK: 20, repetitionPenalty: 1.4, seed: 5 },
      maxNewTokens: 20,
      endTokens: new Set(),
      onToken: (token, found) => {
        tokens.push(token);
        recorded.push(found);
      },
      stopped: () => false,
    });
    return { tokens, recorded };
  } finally {
    session.close();
  }
}

describe('The probabilities of tokens', () => {
  it('does not change the tokens', async () => {
    const { gpu } = await models;
    const plainly = await write(gpu, false);
    const recording = await write(gpu, true);
    expect(recording.tokens).toEqual(plainly.tokens);
    expect(plainly.recorded.every((found) => found === null)).toBe(true);
  });

  it.each(subjects)('agrees with the twin about the distribution before the penalty: %s', async (subject) => {
    const both = await models;
    const got = await write(both[subject], true);
    const expected = await write(both.twin, true);
    expect(got.tokens).toEqual(expected.tokens);
    for (const [i, found] of got.recorded.entries()) {
      const twin = expected.recorded[i];
      expect(found?.rank).toBe(twin?.rank);
      expect(found?.probability).toBeCloseTo(twin?.probability ?? NaN, 4);
      const chances = (from: TokenProbabilities | null | undefined) =>
        from?.alternatives.map(({ probability }) => probability) ?? [];
      expectAllClose(chances(found), chances(twin), 1e-4, `token ${i}, alternative`);
    }
  });
});

async function movements(
  model: ModelWeights,
  plan: string,
  passes: number,
  more: Partial<SessionOptions> = {},
  turns: readonly (readonly number[])[] = [prompt],
): Promise<readonly GroupMovement[]> {
  const session = await model.open(optionsOf(plan, passes, more));
  try {
    let last: GroupMovement[] = [];
    for (const turn of turns) {
      last = [];
      await session.prefill(turn, { ...prefillOptions, onMovement: (movement) => last.push(movement) });
    }
    return last;
  } finally {
    session.close();
  }
}

const plans = ['0_6_6_6_6_6_6_7', '7_7_7_7_7_7_7_7', '1_0_3_2_5s_4_7_6s', '2s_2s_2s_5_5_5_7_7'];

describe('The movement of a pass', () => {
  it.each(plans.flatMap((plan) => subjects.map((subject) => [plan, subject] as const)))(
    'equals that of the twin: %s, %s',
    async (plan, subject) => {
      const both = await models;
      const turns = [prompt.slice(0, 6), prompt];
      for (const kvPrecision of ['f32', 'f16'] as const) {
        const got = await movements(both[subject], plan, 4, { kvPrecision }, turns);
        const expected = await movements(both.twin, plan, 4, { kvPrecision }, turns);
        expect(got.map(({ group }) => group)).toEqual(expected.map(({ group }) => group));
        expect(got.length).toBeGreaterThan(0);
        for (const [i, { relative }] of got.entries()) {
          expect(relative).toHaveLength(4 * prompt.length);
          // Numbers of 16 bits may be rounded differently.
          const tolerance = kvPrecision === 'f32' ? 1e-4 : 5e-3;
          expectAllClose(
            relative,
            expected[i]?.relative ?? [],
            tolerance,
            `${kvPrecision}, group ${i}, number`,
          );
        }
      }
    },
  );

  it.each(plans)('is complete in the first pass, and zero at positions that are exact: %s', async (plan) => {
    for (const model of Object.values(await models)) {
      const passes = prompt.length + 2;
      for (const { relative } of await movements(model, plan, passes)) {
        for (const [i, moved] of relative.entries()) {
          const pass = Math.floor(i / prompt.length);
          const position = i % prompt.length;
          if (pass === 0) expect(moved).toBeCloseTo(1, 6);
          // After n passes the first n positions are exact, so the next pass computes the same bits.
          if (pass > position) expect(moved, `pass ${pass}, position ${position}`).toBe(0);
        }
        const second = relative.subarray(prompt.length + 1, 2 * prompt.length);
        expect(Math.max(...second), 'the second pass moves what reads above').toBeGreaterThan(0);
      }
    }
  });

  it('is not recorded if no layer reads above itself', async () => {
    const { gpu } = await models;
    expect(await movements(gpu, '0_0_2_2_4_4_6_6', 3)).toEqual([]);
  });
});
