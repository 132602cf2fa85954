import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, ModelWeights } from '../../gpu/backend.ts';
import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import { openWasmBackend } from '../../gpu/wasm/backend.ts';
import { compileKernels, instructionsHere } from '../../gpu/wasm/kernels.ts';
import code from '../../gpu/wasm/kernels/all.ts?assembly';
import { LinearMemory, sharedMemory } from '../../gpu/wasm/linear-memory.ts';
import { Team } from '../../gpu/wasm/threads/team.ts';
import { Threads, type Helper, type ThreadOptions } from '../../gpu/wasm/threads/threads.ts';
import { threadsInNode } from '../../tools/headless/threads-in-node.ts';
import { arbitrarySharing, layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { arbitraryPolicy } from '../support/arbitrary-policies.ts';
import { arbitrarySequences } from '../support/arbitrary-sequences.ts';
import { helperScript } from '../support/helper-threads.ts';
import { optionsFor, trace } from '../support/policy-trace.ts';
import { putRandomModel, runSession, tinyDims } from '../support/random-model.ts';
import { fc } from '../support/seeded-properties.ts';
import { workPerStep } from '../support/work-per-step.ts';
import { writeTogether } from '../support/write-sequences.ts';

/** Several panels in most matrices, and as many heads as the random kernels of LESS know. */
const dims = { ...tinyDims, hiddenSize: 100, intermediateSize: 130, vocabSize: 137 };
const wideDims = { ...dims, heads: 12, kvHeads: 6, headDim: 24, qkvBias: true, mlpBias: true };
/** However small the work is, it is shared. */
const always = { leastWork: 0 };

const whole = helperScript();
const threeThreads = async (options: ThreadOptions = always, script = whole) =>
  threadsInNode(3, await script, options);
const [instructions = 'simd'] = instructionsHere();

const plan = {
  sharing: sharingOf('0_2_2_3'),
  passes: { forward: 2, backward: 1 },
  kvPrecision: 'f16',
  capacityTokens: 40,
} as const;
const run = { turns: [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], mode: 'parallel', newTokens: 12 } as const;

describe('Three threads', () => {
  let threads = new Threads(1, null);
  let backends: readonly Backend[] = [];
  let models: readonly ModelWeights[] = [];
  let wideModels: readonly ModelWeights[] = [];
  beforeAll(async () => {
    threads = await threeThreads();
    backends = [await openWasmBackend(instructions), await openWasmBackend(instructions, threads)];
    models = await putRandomModel(backends, dims, layersOf('0_1_2_3'), { type: 'f16' });
    wideModels = await putRandomModel(backends, wideDims, layersOf('0_2_2_3'));
  });
  afterAll(() => {
    for (const backend of backends) backend.destroy();
  });

  const both = <T>(work: (model: ModelWeights) => Promise<T>, of = models) => Promise.all(of.map(work));

  it('are what runs', () => {
    expect(backends.map(({ adapter }) => adapter.description.replace(/^.*, /, ''))).toEqual([
      '1 thread',
      '3 threads',
    ]);
  });

  it.each(['q8', 'q4', 'w4a8'] as const)(
    'compute what one computes, to the bit, with weights in %s',
    async (weights) => {
      const formats = { type: 'f16', weights, quantizeEmbeddings: true } as const;
      const packed = await putRandomModel(backends, wideDims, layersOf('0_1_2_3'), formats);
      // The second plan has means, which stay in float32 beside packed matrices.
      for (const sharing of [sharingOf('0_1_2_3'), sharingOf('1_1_3_3')]) {
        const [alone, together] = await both((model) => runSession(model, { ...plan, sharing }, run), packed);
        expect(together).toEqual(alone);
      }
      for (const model of packed) model.free();
    },
  );

  it('compute what one computes, to the bit, under random plans, in both modes', async () => {
    const turn = fc.array(fc.nat(dims.vocabSize - 1), { minLength: 1, maxLength: 40 });
    const arbitraryRun = fc.record({
      sharing: arbitrarySharing(dims.layerCount).filter(({ layers }) => layers.length === dims.layerCount),
      turns: fc.array(turn, { minLength: 1, maxLength: 2 }),
      mode: fc.constantFrom('sequential' as const, 'parallel' as const),
      kvPrecision: fc.constantFrom('f16' as const, 'f32' as const),
      wide: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(arbitraryRun, async ({ sharing, turns, mode, kvPrecision, wide }) => {
        const options = { ...plan, sharing, kvPrecision, capacityTokens: turns.flat().length + 6 };
        const [alone, together] = await both(
          (model) => runSession(model, options, { turns, mode, newTokens: 6 }),
          wide ? wideModels : models,
        );
        expect(together).toEqual(alone);
      }),
      { numRuns: 60 },
    );
  });

  it('compute what one computes, to the bit, under random policies', async () => {
    const tokens = (minLength: number, maxLength: number) =>
      fc.array(fc.nat(dims.vocabSize - 1), { minLength, maxLength });
    const arbitraryRun = fc.record({
      sharing: arbitrarySharing(dims.layerCount).filter(({ layers }) => layers.length === dims.layerCount),
      policy: arbitraryPolicy,
      turns: fc.array(fc.record({ tokens: tokens(1, 20), fed: tokens(0, 6) }), {
        minLength: 1,
        maxLength: 2,
      }),
      mode: fc.constantFrom('sequential' as const, 'parallel' as const),
    });
    await fc.assert(
      fc.asyncProperty(arbitraryRun, async ({ sharing, policy, turns, mode }) => {
        const options = optionsFor(sharing, policy, turns);
        const [alone, together] = await both((model) => trace(model, options, turns, mode));
        expect(together).toEqual(alone);
      }),
      { numRuns: 60 },
    );
  });

  // A job has room for the layers of few texts, for one layer of some more, and for none of many.
  it.each([3, 30, 90, 200])('take %i texts apart, to the bit, or meet after each product', async (count) => {
    const sequences = Array.from({ length: count }, (_, seed) => ({
      ...({ prompt: [1 + (seed % 60), 7, 9], mode: 'parallel', maxNewTokens: 4, ends: [] } as const),
      sampling: { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed },
    }));
    for (const kvPrecision of ['f16', 'f32'] as const) {
      const texts = {
        ...{ policy: keepEverything, places: count, sequences },
        plan: { ...plan, sharing: sharingOf('0_2_2_3s', { windowTokens: 4 }), kvPrecision },
      };
      const [alone, together] = await both((model) => writeTogether(model, texts), wideModels);
      expect(together).toEqual(alone);
    }
  });

  it.each(['stored', 'q8', 'q4', 'w4a8'] as const)(
    'take texts apart whose input has scratch, weights %s',
    async (weights) => {
      const formats = { type: 'f16', weights, quantizeEmbeddings: true } as const;
      const own = await putRandomModel(backends, wideDims, layersOf('0_1_2_3'), formats);
      const sequences = Array.from({ length: 36 }, (_, seed) => ({
        ...({ prompt: [1 + seed, 7, 9], mode: 'parallel', maxNewTokens: 36, ends: [] } as const),
        sampling: { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed },
      }));
      const texts = { ...{ policy: keepEverything, places: 36, sequences }, plan };
      const [alone, together] = await both((model) => writeTogether(model, texts), own);
      expect(together).toEqual(alone);
      for (const model of own) model.free();
    },
  );

  it('read the weights of small layers each for itself, once in a step of several texts', async () => {
    const of = async (places: number) => {
      const [alone, together] = await both((model) => workPerStep(model, plan, places));
      return {
        products: together?.products,
        alone: alone?.weightBytes ?? 0,
        together: together?.weightBytes ?? 0,
      };
    };
    const [one, six, many] = [await of(1), await of(6), await of(200)];
    expect(one.together).toBe(one.alone);
    expect(six).toMatchObject({ products: one.products, alone: one.alone });
    // The head's panels are shared.
    const head = dims.vocabSize * dims.hiddenSize;
    expect(six.together).toBeGreaterThan(3 * (six.alone - 4 * head));
    expect(six.together).toBeLessThan(3 * six.alone);
    expect(many).toEqual({ ...one, products: one.products });
  });

  it('compute what one computes, to the bit, for several texts at once', async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySequences, async (sequences) => {
        const [alone, together] = await both((model) => writeTogether(model, sequences));
        expect(together).toEqual(alone);
      }),
      { numRuns: 20 },
    );
    // What one thread computes alone equals itself.
    expect(threads.partsHelped).toBeGreaterThan(1000);
  });
});

describe('Threads', () => {
  const open = async (threads: Threads) => {
    const backends = [await openWasmBackend(instructions), await openWasmBackend(instructions, threads)];
    const [alone, model] = await putRandomModel(backends, dims, layersOf('0_1_2_3'), { type: 'f16' });
    if (!alone || !model) throw new Error('there are two models');
    const expected = await runSession(alone, plan, run);
    const close = () => {
      for (const backend of backends) backend.destroy();
    };
    return { expected, model, describe: () => backends[1]?.adapter.description ?? '', close };
  };
  /** Threads whose helpers can be watched. */
  const watched = (
    threads: Threads,
    change: (helper: Helper, index: number) => Helper = (helper) => helper,
  ) => {
    const helpers: Helper[] = [];
    const start = threads.startHelper;
    const again = new Threads(
      threads.count,
      (what) => {
        const helper = start?.(what);
        if (!helper) throw new Error('there are no helpers');
        helpers.push(change(helper, helpers.length));
        return helpers.at(-1) ?? helper;
      },
      { patienceMs: threads.patienceMs, leastWork: threads.leastWork },
    );
    return { threads: again, helpers };
  };

  const teamOf = async (threads: Threads) => {
    const shared = sharedMemory();
    if (!shared) throw new Error('memory can be shared here');
    const memory = new LinearMemory(shared);
    const team = new Team(memory, await compileKernels(instructions, true), threads);
    await team.ready();
    return { team, memory };
  };

  it('end when the model is freed', async () => {
    const ended: number[] = [];
    const { threads } = watched(await threeThreads(), (helper, index) => ({
      ...helper,
      end: () => {
        ended.push(index);
        helper.end();
      },
    }));
    const { model, expected, close } = await open(threads);
    expect(await runSession(model, plan, run)).toEqual(expected);
    expect(ended).toEqual([]);
    model.free();
    expect(ended).toEqual([0, 1]);
    close();
  });

  it('leave the work to the first if a helper cannot start, and say so', async () => {
    const cannot = new Threads(3, () => {
      throw new Error('no more threads here');
    });
    const { model, expected, describe, close } = await open(cannot);
    expect(describe()).toMatch(/, 1 thread: .*no more threads here/);
    expect(await runSession(model, plan, run)).toEqual(expected);
    close();
  });

  it('leave the work to the first if a helper breaks before it is ready', async () => {
    const { threads } = watched(await threeThreads(), (helper, index) =>
      index === 0
        ? helper
        : { ...helper, ready: new Promise(() => undefined), ended: Promise.resolve('blocked') },
    );
    const { model, expected, describe, close } = await open(threads);
    expect(describe()).toMatch(/, 1 thread: .*blocked/);
    expect(await runSession(model, plan, run)).toEqual(expected);
    close();
  });

  it('do without a helper that ends while it sleeps, and say so', async () => {
    const { threads, helpers } = watched(await threeThreads());
    const { model, expected, describe, close } = await open(threads);
    helpers[1]?.end();
    expect(await helpers[1]?.ended).toBe('it ended');
    // Nothing has looked yet: the first thread finds that nobody takes the parts.
    expect(await runSession(model, plan, run)).toEqual(expected);
    expect(describe()).toMatch(/, 1 thread: .*it ended/);
    close();
  });

  it('end a run whose helper stops while it computes, and the next model has one thread', async () => {
    const stuck = await threeThreads(
      { ...always, patienceMs: 200 },
      helperScript('tests/support/stuck-helper.ts'),
    );
    const { model, expected, describe, close } = await open(stuck);
    const runUntilItFails = async () => {
      for (;;) await runSession(model, plan, run);
    };
    await expect(runUntilItFails()).rejects.toMatchObject({ failure: { code: 'thread-lost' } });
    expect(describe()).toMatch(/, 1 thread: another one cannot run \(it stopped while it computed\)$/);
    expect(await runSession(model, plan, run)).toEqual(expected);
    close();
    const next = await open(stuck);
    expect(await runSession(next.model, plan, run)).toEqual(next.expected);
    next.close();
  });

  it('are not given another job after one that failed in the first', async () => {
    const { team, memory } = await teamOf(await threeThreads());
    const at = memory.allocate('test', 64);
    const failing = () => {
      team.share(4, (kernels) => {
        if (kernels === team.kernels) throw new Error('a bug');
        kernels.clear(at, 64);
      });
    };
    expect(failing).toThrow('a bug');
    expect([team.threadsLeft, team.partsOf(1e9, 10)]).toEqual([1, 1]);
    team.close();
  });

  it('are not woken for work that the first does sooner alone', async () => {
    const helper: Helper = {
      ready: Promise.resolve(),
      ended: new Promise(() => undefined),
      end: () => undefined,
    };
    const threads = new Threads(3, () => helper, { leastWork: 1000 });
    const { team } = await teamOf(threads);
    const parts = (work: number) => team.partsOf(work, 10);
    expect([999, 1000, 2000].map(parts)).toEqual([1, 3, 3]);
    // Then they sleep.
    for (let i = 0; i < 1100; i++) parts(999);
    expect([2000, 2299, 2300].map(parts)).toEqual([1, 1, 3]);
    expect(parts(1000)).toBe(3);
    team.close();
  });

  it('take one per core unless a number is asked for, at most eight', () => {
    expect(threadsInNode(null).count).toBe(Math.min(8, availableParallelism()));
    expect(threadsInNode(5).count).toBe(5);
    expect(threadsInNode(1).startHelper).toBeNull();
  });

  it('share code that keeps nothing of its own beside the memory: no globals, data or tables', () => {
    for (const base64 of Object.values(code)) {
      const [types, imports, functions, exports, bodies] = [1, 2, 3, 7, 10];
      expect(sectionsOf(Buffer.from(base64, 'base64'))).toEqual([types, imports, functions, exports, bodies]);
    }
  });
});

/** The sections of a module, by their ids. */
function sectionsOf(bytes: Uint8Array): number[] {
  const ids: number[] = [];
  for (let at = 8; at < bytes.length;) {
    ids.push(bytes[at++] ?? 0);
    let [size, shift] = [0, 0];
    let byte: number;
    do {
      byte = bytes[at++] ?? 0;
      size |= (byte & 127) << shift;
      shift += 7;
    } while (byte >= 128);
    at += size;
  }
  return ids;
}
