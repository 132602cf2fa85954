// Passes that leave out rows which no longer move: docs/semantics.md, "Freezing".
import { runningIn } from '#platform';
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend, ModelWeights, SessionOptions } from '../../gpu/backend.ts';
import { layerPasses } from '../../gpu/kv/freezing.ts';
import type { GroupMovement } from '../../gpu/plan/movement.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { openCpuBackend } from '../../gpu/reference/backend.ts';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { hardwareTuning } from '../../gpu/webgpu/tuning.ts';
import { expectAllClose } from '../support/all-close.ts';
import { arbitrarySharing, layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { policyWith } from '../support/arbitrary-policies.ts';
import { goldenFolder, goldenPrompt, goldenTurns, shippedFolder } from '../support/golden.ts';
import { openGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';
import { sampleOf } from '../support/samples.ts';
import { fc } from '../support/seeded-properties.ts';
import { backends, TestEngine } from '../support/test-engine.ts';

/** The bound that docs/semantics.md gives: logits with freezing, from those of all passes. */
const tolerance = { absolute: 1e-3, relative: 0 };

describe.each(backends)('On the backend %s', (backend) => {
  const engine = new TestEngine(backend);
  afterAll(() => engine.close());

  it.each(['lckv', 'sandwich-middle', 'owner-below-in-group', 'yoco', 'mixattention'])(
    'the case %s has the logits of all its passes',
    async (name) => {
      const golden = await goldenPrompt(name);
      await engine.load(goldenFolder(name));
      const result = await engine.generate({
        input: { turns: [golden.tokens] },
        freeze: true,
        mode: 'parallel',
        logits: golden.positions,
        maxNewTokens: 24,
      });
      for (const [row, logits] of result.logits.entries()) {
        expectAllClose(logits, golden.parallel_logits[row] ?? [], tolerance);
      }
      expect(result.tokens).toEqual(golden.greedy_after_parallel);
    },
  );

  it('a second turn has them, too', async () => {
    const golden = await goldenTurns('two-turns');
    await engine.load(goldenFolder('two-turns'));
    const result = await engine.generate({
      input: { turns: golden.turns },
      freeze: true,
      mode: 'parallel',
      logits: golden.positions,
    });
    for (const [row, logits] of result.logits.entries()) {
      expectAllClose(logits, golden.parallel_logits[row] ?? [], tolerance);
    }
  });
});

it('Of 256 tokens on fairy-lckv, 32 passes compute at most half, and have the logits of all', async () => {
  const engine = new TestEngine('cpu');
  try {
    await engine.load(shippedFolder('fairy-lckv'));
    const { tokens: text } = await engine.generate({
      input: { text: 'Once upon a time there was a king who' },
      maxNewTokens: 256,
      sampling: { ...greedy, temperature: 0.8, seed: 1 },
    });
    const config = { forwardPasses: 30, backwardPasses: 2 };
    const asked = { input: { turns: [text] }, mode: 'parallel', logits: [...text.keys()] } as const;
    const all = await engine.generate({ ...asked, config });
    const some = await engine.generate({ ...asked, config, freeze: true });
    for (const [row, logits] of some.logits.entries()) {
      expectAllClose(logits, all.logits[row] ?? [], tolerance);
    }
    const { groups } = await engine.watchConvergence(text, config, true);
    const passes = layerPasses(groups);
    expect(passes.all).toBe(32 * 6 * 256);
    expect(passes.computed / passes.all).toBeLessThanOrEqual(0.5);
  } finally {
    await engine.close();
  }
});

const dims = { ...tinyDims, layerCount: 8 };
const opened: Promise<readonly Backend[]> = Promise.all([
  openGpuBackend(),
  openGpuBackend({ tuning: { ...hardwareTuning, chunkRows: 5 } }),
  openProcessorBackend(),
  Promise.resolve(openCpuBackend()),
]);
const models = opened.then((all) => putRandomModel(all, dims, layersOf('0_1_2_3_4_5_6_7')));
const names = ['WebGPU', "WebGPU with a GPU's kernels", 'WebAssembly', 'the twin'];
afterAll(async () => {
  for (const backend of await opened) backend.destroy();
});

async function read(
  model: ModelWeights,
  options: Omit<SessionOptions, 'kvPrecision' | 'capacityTokens'>,
  turns: readonly (readonly number[])[],
) {
  const session = await model.open({ kvPrecision: 'f32', capacityTokens: 64, ...options });
  const logits: Float32Array[] = [];
  const movements: GroupMovement[] = [];
  try {
    for (const turn of turns) {
      await session.prefill(turn, {
        mode: 'parallel',
        logitsAt: [...turn.keys()],
        onLogits: (_, row) => logits.push(row.slice()),
        onMovement: (movement) => movements.push(movement),
        onProgress: () => undefined,
        stopped: () => false,
      });
    }
  } finally {
    session.close();
  }
  return { logits, movements };
}

const runs = fc.record({
  sharing: arbitrarySharing(8).filter(({ layers }) => layers.length === 8),
  turns: fc.array(fc.array(fc.nat(dims.vocabSize - 1), { minLength: 1, maxLength: 14 }), {
    minLength: 1,
    maxLength: 2,
  }),
  passes: fc.integer({ min: 2, max: 24 }),
});

/** SwiftShader compiles a GPU's kernels long for each plan: in Node at every change, in Chromium at night. */
const plansFor = (i: number) =>
  sampleOf({ all: runningIn === 'node' ? 100 : 4, node: 20, chromium: i === 1 ? 0 : 4 });

it.each(names.map((name, i) => [name, i] as const).filter(([, i]) => plansFor(i) > 0))(
  'Random plans, turns and passes have the logits of all passes: %s',
  async (_, i) => {
    const model = (await models)[i] as ModelWeights;
    await fc.assert(
      fc.asyncProperty(runs, async ({ sharing, turns, passes: forward }) => {
        const passes = { forward, backward: 0 };
        const all = await read(model, { sharing, passes }, turns);
        const some = await read(model, { sharing, passes: { ...passes, freeze: true } }, turns);
        for (const [row, logits] of some.logits.entries()) {
          expectAllClose(logits, all.logits[row] ?? [], tolerance);
        }
        for (const { passes: count, relative } of some.movements) {
          const rows = relative.length / count;
          for (let pass = 0; pass < count; pass++) {
            const moved = relative.subarray(pass * rows, (pass + 1) * rows);
            const left = moved.filter(Number.isNaN).length;
            // The first rows are left out, and stay so.
            expect([...moved].map(Number.isNaN)).toEqual([...moved].map((__, row) => row < left));
            if (pass === 0) expect(left).toBe(0);
            else
              expect(left).toBeGreaterThanOrEqual(
                relative.subarray((pass - 1) * rows, pass * rows).filter(Number.isNaN).length,
              );
          }
        }
      }),
      { numRuns: plansFor(i) },
    );
  },
);

describe.each(names.map((name, i) => [name, i] as const))('On %s', (_, i) => {
  const sharing = sharingOf('0_6_6_6_6_6_6_7');
  const prompt = [3, 1, 30, 12, 36, 0, 7, 7, 21, 5, 18];
  const passes = { forward: 20, backward: 0, freeze: true };

  it('a position that is exact is left out after it was seen not to move', async () => {
    const { movements } = await read((await models)[i] as ModelWeights, { sharing, passes }, [prompt]);
    const [movement] = movements;
    const left = Array.from(
      { length: 20 },
      (__, pass) => (movement?.relative ?? []).slice(11 * pass, 11 * (pass + 1)).filter(Number.isNaN).length,
    );
    // After pass n the first n positions are exact, and the next pass shows it.
    for (const [pass, rows] of left.entries()) expect(rows).toBeGreaterThanOrEqual(Math.min(11, pass - 1));
    expect(left.at(-1)).toBe(11);
  });

  it('nothing is left out under a policy that scores, and rows are under one that does not', async () => {
    const model = (await models)[i] as ModelWeights;
    const leftUnder = async (policy: ReturnType<typeof policyWith>) => {
      const eviction = { policy, promptTokens: prompt.length, scored: false, kernels: null };
      const { movements } = await read(model, { sharing, passes, eviction }, [prompt]);
      const { computed, all } = layerPasses(movements);
      return all - computed;
    };
    expect(await leftUnder(policyWith('h2o', { heavy: 3, recent: 3 }))).toBe(0);
    expect(await leftUnder(policyWith('tova', { rows: 5 }))).toBe(0);
    expect(await leftUnder(policyWith('key-norm', { heavy: 3, recent: 3 }))).toBe(0);
    expect(await leftUnder(policyWith('sinks', { sinks: 1, recent: 4 }))).toBeGreaterThan(0);
  });
});
