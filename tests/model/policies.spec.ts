import { liveHeapBytes, runningIn } from '#platform';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, ModelWeights, Session, SessionOptions } from '../../gpu/backend.ts';
import { maskOf, sees } from '../../gpu/kv/mask.ts';
import { rowsAfterCut } from '../../gpu/kv/policies/cut.ts';
import { decidingKind, policyKind } from '../../gpu/kv/policies/policies.ts';
import type { Policy, PolicyPositions } from '../../gpu/kv/policies/policy.ts';
import type { StoreRows } from '../../gpu/kv/store-rows.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { WebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { kvOwners, type Sharing } from '../../gpu/plan/sharing.ts';
import { expectAllClose } from '../support/all-close.ts';
import { arbitraryPolicy, lessOver, policyWith } from '../support/arbitrary-policies.ts';
import { arbitrarySharing, layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import {
  expectSameStates,
  expectSameTrace,
  kernelsFor,
  optionsFor,
  positionsOf,
  trace,
} from '../support/policy-trace.ts';
import { withoutW3 } from '../support/random-kernels.ts';
import { putRandomModel, tinyDims } from '../support/random-model.ts';
import { sampleOf } from '../support/samples.ts';
import { backends, openBackend } from '../support/test-engine.ts';
import { fc } from '../support/seeded-properties.ts';

const arbitraryTokens = (minLength: number, maxLength: number) =>
  fc.array(fc.nat(tinyDims.vocabSize - 1), { minLength, maxLength });

const arbitraryRun = fc.record({
  sharing: arbitrarySharing(tinyDims.layerCount).filter(
    ({ layers }) => layers.length === tinyDims.layerCount,
  ),
  policy: arbitraryPolicy,
  mode: fc.constantFrom<Mode>('sequential', 'parallel'),
  // With a single pass, layers that read above see zeros alone.
  passes: fc.constantFrom({ forward: 2, backward: 1 }, { forward: 1, backward: 0 }),
  turns: fc.array(fc.record({ tokens: arbitraryTokens(1, 12), fed: arbitraryTokens(0, 6) }), {
    minLength: 1,
    maxLength: 2,
  }),
});

/** Whether a window may pass rows that a head kept by their scores, so that fewer are left than the budget allows. */
const mayHoldFewer = ({ sharing, policy, turns }: Pick<Run, 'sharing' | 'policy' | 'turns'>) =>
  policy.cachePercent !== null &&
  turns.length > 1 &&
  kvOwners(sharing.layers).some(({ windowed }) => windowed);

type Run = typeof arbitraryRun extends fc.Arbitrary<infer Each> ? Each : never;

/**
 * A window passes rows that a head kept by their scores, while a budget that grows with the text has room for more:
 * then the KV heads of a store come to hold unequally many rows.
 */
const arbitraryGrowingRun: fc.Arbitrary<Run> = fc.record({
  sharing: fc
    .record({
      plan: fc.constantFrom('0s_0s_2s_2s', '0s_2s_2s_3', '0_1s_1s_3s'),
      windowTokens: fc.integer({ min: 5, max: 12 }),
    })
    .map(({ plan, windowTokens }) => sharingOf(plan, { windowTokens })),
  policy: fc
    .record({
      id: fc.constantFrom('h2o', 'key-norm'),
      cachePercent: fc.integer({ min: 20, max: 60 }),
      recentPercent: fc.integer({ min: 10, max: 40 }),
      positions: fc.constantFrom<PolicyPositions>('absolute', 'cache'),
    })
    .map(({ id, ...fields }) => policyWith(id, fields)),
  mode: fc.constantFrom<Mode>('sequential', 'parallel'),
  passes: fc.constant({ forward: 2, backward: 1 }),
  turns: fc.array(fc.record({ tokens: arbitraryTokens(4, 14), fed: arbitraryTokens(0, 12) }), {
    minLength: 2,
    maxLength: 3,
  }),
});

/** How often a query of a first prompt sees at least one row of a store. */
function queriesThatSee(sharing: Sharing, owner: number, tokens: number): number {
  const readers = sharing.layers.filter(({ readsFrom }) => readsFrom === owner);
  return readers.reduce((sum, reader) => {
    const mask = maskOf(sharing, reader);
    const queries = Array.from({ length: tokens }, (_, q) =>
      Array.from({ length: tokens }, (__, k) => k).some((k) => sees(q, k, mask)),
    );
    return sum + queries.filter(Boolean).length;
  }, 0);
}

const never = () => false;

describe.each(backends)('Under a policy, the backend %s', (name) => {
  const slow = name === 'webgpu';
  /** A change is tested on a sample of plans on WebGPU; `npm run test:nightly` takes all of them. */
  const runs = (many: number) => (slow ? sampleOf({ all: many, node: 12, chromium: 0 }) : many);
  /** SwiftShader in Chromium compiles for minutes what random plans need: there golden runs and stops are enough. */
  const random = it.skipIf(slow && runningIn !== 'node');
  let backend: Backend;
  let model: ModelWeights;
  let twin: ModelWeights;
  beforeAll(async () => {
    backend = await openBackend(name);
    const oracle = await openBackend('twin');
    [model, twin] = (await putRandomModel([backend, oracle], tinyDims, layersOf('0_1_2_3'))) as [
      ModelWeights,
      ModelWeights,
    ];
  });
  afterAll(() => backend.destroy());

  random(
    'holds as many rows in each KV head as the budget says, the newest among them, and counts them',
    async () => {
      await fc.assert(
        fc.asyncProperty(arbitraryRun, async ({ sharing, policy, mode, turns }) => {
          const run = await trace(model, optionsFor(sharing, policy, turns), turns, mode);
          const owners = kvOwners(sharing.layers);
          let held = owners.map(() => 0);
          let textTokens = 0;
          let step = 0;
          for (const { tokens, fed } of turns) {
            textTokens += tokens.length;
            const budget = policyKind(policy.id).budget(policy, textTokens);
            for (const end of Array.from({ length: fed.length + 1 }, (_, more) => more).map(
              (more) => textTokens + more,
            )) {
              // A later turn's percentage may allow more rows than are left.
              const fresh = end === textTokens ? tokens.length : 1;
              const expected = owners.map(({ windowed }, i) =>
                Math.min(
                  (held[i] ?? 0) + fresh,
                  rowsAfterCut(budget, end, windowed ? sharing.windowTokens : Infinity),
                ),
              );
              held = expected;
              expect(run.rows[step]).toEqual(expected);
              for (const [i, { heads }] of (run.kept[step] ?? []).entries()) {
                for (const { positions } of heads) {
                  const most = expected[i] ?? -1;
                  if (mayHoldFewer({ sharing, policy, turns }))
                    expect(positions.length).toBeLessThanOrEqual(most);
                  else expect(positions).toHaveLength(most);
                  expect(positions.at(-1)).toBe(end - 1);
                }
              }
              step++;
            }
            textTokens += fed.length;
          }
        }),
        { numRuns: runs(200) },
      );
    },
  );

  /** Compares kept rows, logits and scores with the twin's. */
  async function expectTwin({ sharing, policy, mode, turns, passes }: Run): Promise<void> {
    const options = optionsFor(sharing, policy, turns, passes);
    const got = await trace(model, options, turns, mode);
    const expected = await trace(twin, options, turns, mode);
    for (const [step, stores] of expected.kept.entries()) {
      // Scores that are almost equal may be ordered either way. From there on the texts differ.
      if (JSON.stringify(positionsOf(got.kept[step] ?? [])) !== JSON.stringify(positionsOf(stores))) {
        expect(decidingKind(policy).scoring).not.toBeNull();
        const apart = got.kept[step]?.some((store, i) => differsWidely(store, stores[i]));
        expect(apart).toBe(false);
        return;
      }
      expectAllClose(got.logits[step] ?? [], expected.logits[step] ?? [], 1e-3);
      for (const [i, { heads }] of stores.entries()) {
        for (const [kvHead, { scores }] of heads.entries()) {
          expectAllClose(got.kept[step]?.[i]?.heads[kvHead]?.scores ?? [], scores, 1e-3);
        }
      }
      expectSameStates(got.kept[step] ?? [], stores, 1e-3);
    }
  }

  random(
    'computes what the twin computes, and keeps the same rows unless scores are almost equal',
    async () => {
      await fc.assert(fc.asyncProperty(arbitraryRun, expectTwin), { numRuns: runs(200) });
    },
  );

  random('computes what the twin computes if KV heads hold unequally many rows', async () => {
    await fc.assert(fc.asyncProperty(arbitraryGrowingRun, expectTwin), { numRuns: runs(100) });
  });

  random(
    'adds up scores to the number of queries that see a row, for each query head and reader',
    async () => {
      const scored = fc.constantFrom(
        policyWith('h2o', { heavy: 2, recent: 2 }),
        policyWith('keyformer', { heavy: 2, recent: 2, tauInit: 0.7, seed: 3 }),
      );
      await fc.assert(
        fc.asyncProperty(arbitraryRun, scored, async ({ sharing, mode, passes, turns: [first] }, policy) => {
          const turns = [{ tokens: first?.tokens ?? [1], fed: [] }];
          const run = await trace(model, optionsFor(sharing, policy, turns, passes), turns, mode);
          const group = tinyDims.heads / tinyDims.kvHeads;
          for (const { owner, heads } of run.scores[0] ?? []) {
            const queries = queriesThatSee(sharing, owner, turns[0]?.tokens.length ?? 0);
            for (const { scores } of heads) {
              expectAllClose([scores.reduce((sum, score) => sum + score, 0)], [group * queries], 1e-3);
            }
          }
        }),
        { numRuns: runs(100) },
      );
    },
  );

  random.each<[string, Policy, Policy | null]>([
    ['a budget above the text, and no policy', policyWith('h2o', { heavy: 40, recent: 30 }), null],
    [
      'h2o without heavy hitters, and lambda without sinks',
      policyWith('h2o', { heavy: 0, recent: 4 }),
      policyWith('lambda', { sinks: 0, recent: 4 }),
    ],
    [
      'lambda, and sinks at absolute positions',
      policyWith('lambda', { sinks: 2, recent: 3 }),
      policyWith('sinks', { sinks: 2, recent: 3 }),
    ],
  ])('keeps and computes the same under %s', async (_, one, other) => {
    await fc.assert(
      fc.asyncProperty(arbitraryRun, async ({ sharing, mode, turns }) => {
        const [first, second] = [
          await trace(model, optionsFor(sharing, one, turns), turns, mode),
          await trace(model, optionsFor(sharing, other, turns), turns, mode),
        ];
        if (other) expectSameTrace(first, second);
        else for (const [i, row] of first.logits.entries()) expectAllClose(row, second.logits[i] ?? [], 1e-4);
      }),
      { numRuns: runs(60) },
    );
  });

  random('keeps and computes under less with W3 = 0 what its policy does alone', async () => {
    const alone = fc.constantFrom(
      policyWith('lambda', { sinks: 1, recent: 3 }),
      policyWith('h2o', { heavy: 2, recent: 2 }),
    );
    await fc.assert(
      fc.asyncProperty(arbitraryRun, alone, async ({ sharing, mode, turns }, policy) => {
        const { eviction, ...options } = optionsFor(sharing, lessOver(policy), turns);
        if (!eviction?.kernels) throw new Error('less has kernels');
        const kernels = withoutW3(eviction.kernels);
        expectSameTrace(
          await trace(model, { ...options, eviction: { ...eviction, kernels } }, turns, mode),
          await trace(model, optionsFor(sharing, policy, turns), turns, mode),
        );
      }),
      { numRuns: runs(60) },
    );
  });

  it.each<[string, Policy]>([
    ['sinks', policyWith('sinks', { sinks: 2, recent: 4, positions: 'cache' })],
    ['h2o', policyWith('h2o', { heavy: 3, recent: 3 })],
    ['less', lessOver(policyWith('h2o', { heavy: 3, recent: 3 }))],
    ['keyformer', policyWith('keyformer', { cachePercent: 40, recentPercent: 50, tauDelta: 0.1 })],
    ['tova', policyWith('tova', { rows: 5 })],
    ['key-norm', policyWith('key-norm', { heavy: 3, recent: 2 })],
    // More rows than a workgroup has invocations.
    ['h2o over many rows', policyWith('h2o', { heavy: 24, recent: 20 })],
  ])('a turn after a stop equals the turn that never ran on (%s)', async (_, policy) => {
    const prompt = Array.from({ length: 60 }, (__, i) => (i * 11) % 37);
    const next = [4, 9, 2];
    const sharing = sharingOf('0_2_2s_3', { windowTokens: 6 });
    const options: SessionOptions = {
      ...optionsFor(sharing, policy, []),
      capacityTokens: 140,
      eviction: { policy, scored: false, promptTokens: 100, kernels: kernelsFor(policy, sharing) },
    };
    const read = async (session: Session, tokens: readonly number[]) => {
      let logits = new Float32Array();
      await session.prefill(tokens, {
        mode: 'parallel',
        logitsAt: [tokens.length - 1],
        onLogits: (__, row) => (logits = row.slice()),
        onProgress: () => undefined,
        stopped: never,
      });
      return logits;
    };
    const stopped = await model.open(options);
    await read(stopped, prompt);
    const drawn: number[] = [];
    await stopped.decode({
      sampling: greedy,
      maxNewTokens: 40,
      endTokens: new Set(),
      onToken: (token) => drawn.push(token),
      stopped: () => drawn.length >= 30,
    });
    const exact = await model.open(options);
    await read(exact, prompt);
    await exact.feed(drawn.slice(0, -1), { onLogits: () => undefined, stopped: never });
    const following = [drawn.at(-1) ?? 0, ...next];
    const expectSame = async () => {
      const [got, expected] = [await stopped.rowsHeld(), await exact.rowsHeld()];
      expect(positionsOf(got)).toEqual(positionsOf(expected));
      expectSameStates(got, expected, 1e-4);
    };
    await expectSame();
    expectAllClose(await read(stopped, following), await read(exact, following), 1e-4);
    await expectSame();
    stopped.close();
    exact.close();
  });

  it('of equal scores the lower position stays, in prompts and while decoding', async () => {
    // Unrotated keys of the first layer are the same for the same token.
    const policy = policyWith('key-norm', { heavy: 40, recent: 3, positions: 'cache' });
    const turns = [{ tokens: Array.from({ length: 50 }, () => 5), fed: [5, 5, 5, 5, 5] }];
    const run = await trace(model, optionsFor(sharingOf('0_0_0_0'), policy, turns), turns, 'parallel');
    for (const [step, stores] of run.kept.entries()) {
      const lowest = Array.from({ length: 40 }, (_, position) => position);
      const newest = [47, 48, 49].map((position) => position + step);
      const expected = [...lowest, ...newest];
      expect(positionsOf(stores)).toEqual([[expected, expected]]);
    }
  });

  it.runIf(slow)('reads nothing from slots that are free', async () => {
    if (!(backend instanceof WebGpuBackend)) throw new Error('only WebGPU has slots to poison');
    const { context } = backend;
    const policy = policyWith('sinks', { sinks: 2, recent: 5 });
    const turns = [{ tokens: [1, 2, 3], fed: [4, 5, 6, 7, 8, 9, 10, 11] }];
    const options = optionsFor(sharingOf('0_2_2s_3'), policy, turns);
    const poisoned = {
      open: async (asked: SessionOptions) => {
        const session = await model.open(asked);
        for (const { owner, label, buffer, bytes } of context.ledger.entries()) {
          if (owner !== 'kv' || !label.startsWith('layer-')) continue;
          // NaN as float32 and as two float16.
          context.device.queue.writeBuffer(buffer, 0, new Uint32Array(bytes / 4).fill(0x7fc07fc0));
        }
        return session;
      },
    };
    const expected = await trace(model, options, turns, 'parallel');
    expectSameTrace(await trace(poisoned, options, turns, 'parallel'), expected);
  });

  it.each<[string, Policy]>([
    ['h2o', policyWith('h2o', { heavy: 3, recent: 3 })],
    ['less', lessOver(policyWith('h2o', { heavy: 3, recent: 3 }))],
    ['sinks', policyWith('sinks', { sinks: 2, recent: 4, positions: 'cache' })],
  ])('a prompt that was stopped leaves no trace (%s)', async (_, policy) => {
    const sharing = sharingOf('0_1_1_3');
    const options: SessionOptions = {
      ...optionsFor(sharing, policy, []),
      capacityTokens: 80,
      eviction: { policy, scored: false, promptTokens: 60, kernels: kernelsFor(policy, sharing) },
    };
    const rows: Float32Array[] = [];
    const read = (session: Session, tokens: readonly number[], stops: boolean) => {
      let asked = 0;
      return session.prefill(tokens, {
        mode: 'sequential',
        logitsAt: stops ? [] : [tokens.length - 1],
        onLogits: (__, row) => rows.push(row.slice()),
        onProgress: () => undefined,
        stopped: () => stops && asked++ > 2,
      });
    };
    // Tokens that are fed let rows go, so that the slots are in no order.
    const begin = async () => {
      const session = await model.open(options);
      await read(session, [1, 2, 3, 4, 5, 6, 7, 8, 9], false);
      await session.feed([10, 11, 12, 13, 14], { onLogits: () => undefined, stopped: never });
      return session;
    };
    const [stopped, exact] = [await begin(), await begin()];
    const before = await stopped.rowsHeld();
    const long = Array.from({ length: 40 }, (__, i) => i % 37);
    if (!(await read(stopped, long, true))) {
      expect(stopped.rewind(14)).toBe(true);
      expect(await stopped.rowsHeld()).toEqual(before);
      for (const session of [stopped, exact]) await read(session, [20, 21, 22], false);
      expectAllClose(rows.at(-2) ?? [], rows.at(-1) ?? [], 1e-5);
      expect(await stopped.rowsHeld()).toEqual(await exact.rowsHeld());
    }
    stopped.close();
    exact.close();
  });

  it.runIf(runningIn === 'node' && !slow)(
    'a session that is closed in the middle of a prompt leaves no memory behind',
    async () => {
      const promptTokens = 4000;
      const prompt = Array.from({ length: promptTokens }, (_, i) => i % 37);
      const options: SessionOptions = {
        ...optionsFor(sharingOf('0_1_2_3'), policyWith('h2o', { heavy: 3, recent: 3 }), []),
        capacityTokens: promptTokens,
      };
      const closeEarly = async () => {
        const session = await model.open(options);
        const read = await session.prefill(prompt, {
          mode: 'sequential',
          logitsAt: [],
          onLogits: () => undefined,
          onProgress: () => undefined,
          stopped: () => true,
        });
        expect(read).toBe(false);
        session.close();
      };
      await closeEarly();
      const before = liveHeapBytes() ?? 0;
      for (let i = 0; i < 40; i++) await closeEarly();
      expect((liveHeapBytes() ?? 0) - before).toBeLessThan(2 ** 23);
    },
  );
});

/** Whether two backends disagree about a row whose score is not close to that of one that stayed. */
function differsWidely(one: StoreRows, other: StoreRows | undefined): boolean {
  return one.heads.some(({ positions, scores }, kvHead) => {
    const twin = other?.heads[kvHead];
    if (!twin) return true;
    const scoreIn = (head: Pick<typeof twin, 'positions' | 'scores'>, position: number) =>
      head.scores[head.positions.indexOf(position)] ?? 0;
    const mine = positions.filter((position) => !twin.positions.includes(position));
    const theirs = twin.positions.filter((position) => !positions.includes(position));
    return mine.some((position, i) => {
      const gap = Math.abs(scoreIn({ positions, scores }, position) - scoreIn(twin, theirs[i] ?? -1));
      return gap > 1e-3;
    });
  });
}
