import { runningIn } from '#platform';
import { afterAll, describe, expect, inject, it } from 'vitest';
import type { HeadRows, StoreRows } from '../../gpu/kv/store-rows.ts';
import { hardwareTuning } from '../../gpu/webgpu/tuning.ts';
import { expectAllClose } from '../support/all-close.ts';
import {
  goldenPolicyFolder,
  goldenPolicyPlans,
  goldenPolicyRuns,
  type GoldenPolicyRun,
} from '../support/golden-policies.ts';
import { backends, TestEngine } from '../support/test-engine.ts';

/** Kept positions and tokens are exact; logits and scores of float32 are within this. */
const tolerance = { absolute: 1e-3, relative: 0 };

const byStore = <T>(stores: readonly StoreRows[], ofHead: (head: HeadRows) => T) =>
  Object.fromEntries(stores.map(({ owner, heads }) => [String(owner), heads.map(ofHead)]));

async function expectRun(engine: TestEngine, run: GoldenPolicyRun) {
  const last = run.turns.length - 1;
  const newTokens = run.turns[last]?.new ?? 0;
  const result = await engine.generate({
    input: {
      turns: run.turns.map((turn, i) => ({ tokens: turn.tokens, newTokens: i === last ? 0 : turn.new })),
    },
    mode: run.mode,
    policy: run.policy,
    // The golden run feeds its last token too.
    maxNewTokens: newTokens + 1,
    watch: { tokens: false, kernels: false, rows: false, steps: true, scores: true },
  });
  const steps = result.steps ?? [];
  expect(steps.map(({ fed }) => fed)).toEqual(run.steps.map(({ fed }) => fed));
  expect(steps.map(({ kept }) => byStore(kept, ({ positions }) => positions))).toEqual(
    run.steps.map(({ kept }) => kept),
  );
  for (const [i, { logits }] of steps.entries()) {
    expectAllClose(logits, run.steps[i]?.logits ?? [], tolerance);
  }
  expect(result.tokens.slice(0, newTokens)).toEqual(run.greedy[last]);
  if (run.policy.id === 'less') {
    expectStates(steps[run.prompt_steps.at(-1) ?? -1]?.kept, run.state_after_prompt);
    expectStates(steps.at(-1)?.kept, run.state_at_end);
    expectStates(result.scores?.afterCut, run.state_after_prompt);
    expectStates(result.scores?.atEnd, run.state_at_end);
  }

  if (run.policy.id === 'none') {
    expect(result.scores).toBeUndefined();
    return;
  }
  const { afterPrompt = [], atEnd = [] } = result.scores ?? {};
  expect(afterPrompt).toHaveLength(run.scores_after_prompt?.length ?? -1);
  for (const [turn, stores] of afterPrompt.entries()) {
    const expected = run.scores_after_prompt?.[turn];
    for (const { owner, heads } of stores) {
      for (const [kvHead, { positions, scores }] of heads.entries()) {
        const golden = expected?.[String(owner)]?.[kvHead];
        expect(positions).toEqual(golden?.positions);
        expectAllClose(scores, golden?.scores ?? [], tolerance);
      }
    }
  }
  for (const { owner, heads } of atEnd) {
    for (const [kvHead, { scores }] of heads.entries()) {
      expectAllClose(scores, run.scores_at_end?.[String(owner)]?.[kvHead] ?? [], tolerance);
    }
  }
}

function expectStates(kept: readonly StoreRows[] = [], golden: GoldenPolicyRun['state_at_end'] = {}) {
  const withState = kept.filter(({ heads }) => heads.every(({ state }) => state !== null));
  expect(withState.map(({ owner }) => String(owner))).toEqual(Object.keys(golden));
  for (const { owner, heads } of withState) {
    for (const [kvHead, { state }] of heads.entries()) {
      const { z = [], H = [] } = golden[String(owner)]?.[kvHead] ?? {};
      expectAllClose(state?.features ?? [], z, tolerance);
      expectAllClose(state?.values ?? [], H.flat(), tolerance);
    }
  }
}

/** Other engines than Dawn in Node compile for long: there the plans with the most kinds of policy are enough. */
const plans = runningIn === 'node' ? goldenPolicyPlans : (['llama-gqa', 'yoco'] as const);

const subjects = [
  ...backends.map((backend) => ({ name: backend, backend, options: {}, plans })),
  // These kernels are slow on test machines. At night of every plan, and in Chromium too.
  ...(backends.includes('webgpu') && (runningIn === 'node' || inject('samples') === 'all')
    ? [
        {
          name: "webgpu with a GPU's kernels",
          backend: 'webgpu' as const,
          options: { tuning: hardwareTuning },
          plans: inject('samples') === 'all' ? plans : (['lckv-w2'] as const),
        },
      ]
    : []),
];

describe.each(subjects)('Under a policy, the backend $name', ({ backend, options, plans }) => {
  const engine = new TestEngine(backend, options);
  afterAll(() => engine.close());

  it.each(plans)(
    'decides, scores and computes every golden run of %s, the states of LESS too',
    async (plan) => {
      await engine.load(goldenPolicyFolder(plan));
      for (const run of await goldenPolicyRuns(plan)) {
        await expectRun(engine, run);
      }
    },
  );
});
