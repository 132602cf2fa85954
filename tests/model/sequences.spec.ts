import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { BackendError } from '../../gpu/backend-error.ts';
import type {
  Backend,
  Batch,
  Continuation,
  ModelWeights,
  PlanOptions,
  TextOptions,
} from '../../gpu/backend.ts';
import { instructionsHere } from '../../gpu/wasm/kernels.ts';
import { WebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { openGpu } from '../../gpu/webgpu/device.ts';
import { hardwareTuning, type Tuning } from '../../gpu/webgpu/tuning.ts';
import { openWasmBackend } from '../../gpu/wasm/backend.ts';
import { arbitrarySequences } from '../support/arbitrary-sequences.ts';
import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { largestBatch } from '../../worker/evaluate/largest-batch.ts';
import { lessOver, policyWith } from '../support/arbitrary-policies.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { putRandomModel, tinyDims } from '../support/random-model.ts';
import { sampleOf } from '../support/samples.ts';
import { sharedGpu } from '../support/shared-devices.ts';
import { openBackend } from '../support/test-engine.ts';
import { scoreAlone, scoreTogether } from '../support/score-sequences.ts';
import { workPerStep } from '../support/work-per-step.ts';
import { writeAlone, writeTogether } from '../support/write-sequences.ts';
import { fc } from '../support/seeded-properties.ts';

const atNight = inject('samples') === 'all';

const subjects: readonly {
  readonly name: string;
  readonly open: () => Promise<Backend>;
  readonly runs: number;
}[] = [
  ...instructionsHere().map((instructions) => ({
    name: `WebAssembly with ${instructions}`,
    open: () => openWasmBackend(instructions),
    runs: sampleOf({ all: 500, node: 60, chromium: 10 }),
  })),
  {
    name: 'the CPU twin',
    open: () => openBackend('twin'),
    runs: sampleOf({ all: 60, node: 10, chromium: 5 }),
  },
];

describe.each(subjects)('Sequences that are written together by $name', ({ open, runs }) => {
  let backend: Backend;
  let model: ModelWeights;
  beforeAll(async () => {
    backend = await open();
    [model] = (await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'), { type: 'f16' })) as [
      ModelWeights,
    ];
  });
  afterAll(() => backend.destroy());

  it(`are what each becomes alone, to the bit, in ${runs} random batches`, async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySequences, async (run) => {
        const before = backend.allocatedBytes;
        const together = await writeTogether(model, run);
        for (const [i, sequence] of run.sequences.entries()) {
          const alone = await writeAlone(model, run, sequence);
          expect(together[i], `sequence ${i}`).toEqual(alone);
        }
        expect(backend.allocatedBytes).toBe(before);
      }),
      { numRuns: runs },
    );
  });

  it.each(['q8', 'q4', 'w4a8'] as const)(
    'are what each becomes alone with weights in %s',
    async (weights) => {
      await fc.assert(
        fc.asyncProperty(arbitrarySequences, fc.boolean(), async (run, quantizeEmbeddings) => {
          const formats = { type: 'f16', weights, quantizeEmbeddings } as const;
          const models = await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'), formats);
          for (const packed of models) {
            const together = await writeTogether(packed, run);
            for (const [i, sequence] of run.sequences.entries()) {
              expect(together[i], `sequence ${i}`).toEqual(await writeAlone(packed, run, sequence));
            }
            packed.free();
          }
        }),
        { numRuns: Math.ceil(runs / 12) },
      );
    },
  );

  it(`score what each scores alone, to the bit, in ${Math.ceil(runs / 6)} random batches`, async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySequences, async (run) => {
        const before = backend.allocatedBytes;
        const together = await scoreTogether(model, run);
        for (const [i, sequence] of run.sequences.entries()) {
          expect(together[i], `sequence ${i}`).toEqual(await scoreAlone(model, run, sequence));
        }
        expect(backend.allocatedBytes).toBe(before);
      }),
      { numRuns: Math.ceil(runs / 6) },
    );
  });

  it('wait for one another if there is memory for two at a time', async () => {
    const scarce: Pick<ModelWeights, 'open' | 'openBatch'> = {
      open: (options) => model.open(options),
      openBatch: async (options) => withRoomFor(2, await model.openBatch(options)),
    };
    const [run] = fc.sample(arbitrarySequences, { numRuns: 1, seed: 7 });
    if (!run) throw new Error('a sample of one');
    const crowded = {
      ...run,
      places: 5,
      sequences: [...run.sequences, ...run.sequences, ...run.sequences],
    };
    const together = await writeTogether(scarce, crowded);
    expect(together).toEqual(await writeTogether(model, { ...crowded, places: 1 }));
  });
});

describe('Sequences that are written together on WebGPU', () => {
  const sampling = { temperature: 0.7, topK: 5, topP: 1, minP: 0, repetitionPenalty: 1.2, seed: 5 };
  const plan: PlanOptions = {
    sharing: sharingOf('0_2s_2_3'),
    passes: { forward: 2, backward: 1 },
    kvPrecision: 'f16',
  };
  const tunings: readonly (Tuning | undefined)[] = [
    undefined,
    // Its kernels take a software adapter minutes to compile.
    ...(atNight ? [{ ...hardwareTuning, attendWorkgroup: 8, chunkRows: 5 }] : []),
  ];

  describe.each(tunings)('with tuning %#', (tuning) => {
    let backend: WebGpuBackend;
    let model: ModelWeights;
    beforeAll(async () => {
      backend = new WebGpuBackend(await openGpu(await sharedGpu(), tuning && { tuning }));
      [model] = (await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'), { type: 'f16' })) as [
        ModelWeights,
      ];
    });
    afterAll(() => backend.destroy());

    // At night nearly every batch has kernels of its own, which a software adapter compiles for seconds.
    const patience = atNight ? { timeout: 3_600_000 } : {};
    const runs = sampleOf({ all: 200, node: 5, chromium: 1 });
    it(`are what each becomes alone, to the bit, in ${runs} random batches`, patience, async () => {
      await fc.assert(
        fc.asyncProperty(arbitrarySequences, async (random) => {
          // A new policy brings many kernels to compile: below, four of them by day.
          const run = atNight ? random : { ...random, policy: keepEverything };
          const before = backend.allocatedBytes;
          const together = await writeTogether(model, run);
          expect(backend.allocatedBytes).toBe(before);
          for (const [i, sequence] of run.sequences.entries()) {
            expect(together[i], `sequence ${i}`).toEqual(await writeAlone(model, run, sequence));
          }
        }),
        { numRuns: runs },
      );
    });

    const scored = sampleOf({ all: 100, node: 2, chromium: 1 });
    it(`score what each scores alone, to the bit, in ${scored} random batches`, patience, async () => {
      await fc.assert(
        fc.asyncProperty(arbitrarySequences, async (random) => {
          const run = atNight ? random : { ...random, policy: keepEverything };
          const before = backend.allocatedBytes;
          const together = await scoreTogether(model, run);
          expect(backend.allocatedBytes).toBe(before);
          for (const [i, sequence] of run.sequences.entries()) {
            expect(together[i], `sequence ${i}`).toEqual(await scoreAlone(model, run, sequence));
          }
        }),
        { numRuns: scored },
      );
    });

    it('score the last token of each prompt, which alone goes through the layers above the last owner', async () => {
      const of = (prompt: readonly number[]) => ({
        ...{ prompt, mode: 'parallel' as const, maxNewTokens: 1, sampling, ends: [] },
      });
      // Of a prompt of one token nothing else is wanted.
      const sequences = [of([3]), of([0]), of([11])];
      const shared = { ...plan, sharing: sharingOf('0_0_0_0') };
      const run = { plan: shared, policy: keepEverything, places: 3, sequences };
      const together = await scoreTogether(model, run);
      for (const [i, sequence] of sequences.entries()) {
        expect(together[i], `sequence ${i}`).toEqual(await scoreAlone(model, run, sequence));
      }
    });

    const policies = [
      // By day it decides for LESS alone.
      ...(atNight ? [policyWith('h2o', { heavy: 2, recent: 2 })] : []),
      policyWith('keyformer', { heavy: 2, recent: 3, positions: 'cache', tauInit: 0.5, tauDelta: 0.2 }),
      policyWith('tova', { rows: 4 }),
      policyWith('key-norm', { heavy: 3, recent: 1 }),
      lessOver(policyWith('h2o', { heavy: 1, recent: 2, chunk: 4 })),
    ];
    it.each(policies)('are what each becomes alone under $id', async (policy) => {
      const sequences = [1, 6, 9, 2, 4].map((length, i) => ({
        prompt: Array.from({ length }, (_, at) => (5 * at + 3 * i + 1) % tinyDims.vocabSize),
        mode: i % 2 === 0 ? ('parallel' as const) : ('sequential' as const),
        maxNewTokens: 14 - 2 * i,
        sampling: { ...sampling, seed: i },
        ends: [],
      }));
      const run = { plan, policy, places: 3, sequences };
      const places: number[] = [];
      const openBatch: ModelWeights['openBatch'] = async (options) => {
        const batch = await model.openBatch(options);
        places.push(batch.places);
        return batch;
      };
      const together = await writeTogether({ openBatch }, run);
      // Together, not in turn.
      expect(places).toEqual([3]);
      for (const [i, sequence] of sequences.entries()) {
        expect(together[i], `sequence ${i}`).toEqual(await writeAlone(model, run, sequence));
      }
    });

    it('have the logits that each has alone, to the bit', async () => {
      const count = 5;
      const texts = [{ capacityTokens: 20 }];
      const batch = await model.openBatch({ ...plan, places: count, texts, turnTokens: 10 });
      const prefill = { mode: 'parallel', logitsAt: [], onLogits: ignore, onProgress: ignore } as const;
      const rest = { sampling, maxNewTokens: 6, endTokens: new Set<number>(), onToken: ignore };
      const prompts = Array.from({ length: count }, (_, i) => [1 + i, 7, ...Array<number>(2 * i).fill(3)]);
      const continuations: Continuation[] = [];
      for (const prompt of prompts) {
        const text = await batch.open({ capacityTokens: 20 });
        await text.prefill(prompt, { ...prefill, stopped: never });
        continuations.push({ text, ...rest });
      }
      expect(await batch.decode(continuations, { stopped: never })).toEqual(prompts.map(() => 'length'));
      const together = await readLogits(backend, 'batch');
      batch.close();
      for (const [i, prompt] of prompts.entries()) {
        const session = await model.open({ ...plan, capacityTokens: 16 });
        await session.prefill(prompt, { ...prefill, stopped: never });
        await session.decode({ ...rest, stopped: never });
        const own = together.slice(i * tinyDims.vocabSize, (i + 1) * tinyDims.vocabSize);
        expect(own, `sequence ${i}`).toEqual(
          (await readLogits(backend, 'session')).slice(0, tinyDims.vocabSize),
        );
        session.close();
      }
    });
  });
});

describe('A batch in WebAssembly', () => {
  const plan: PlanOptions = {
    sharing: sharingOf('0_2s_2_3'),
    passes: { forward: 2, backward: 1 },
    kvPrecision: 'f16',
  };
  const policy = policyWith('keyformer', { heavy: 2, recent: 3, tauInit: 1, tauDelta: 0.1 });
  const texts: readonly TextOptions[] = [
    { capacityTokens: 30 },
    { capacityTokens: 30, eviction: { policy, scored: false, promptTokens: 9, kernels: null } },
  ];
  let backend: Backend;
  let model: ModelWeights;
  beforeAll(async () => {
    backend = await openBackend('cpu');
    [model] = (await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'))) as [ModelWeights];
  });
  afterAll(() => backend.destroy());

  it('turns up the temperature of Keyformer for each sequence by its own tokens', async () => {
    const policy = policyWith('keyformer', { heavy: 4, recent: 2, tauInit: 0.2, tauDelta: 3, seed: 1 });
    const sequences = [1, 5, 9].map((length) => ({
      prompt: Array.from({ length }, (_, i) => (7 * i + length) % tinyDims.vocabSize),
      mode: 'parallel' as const,
      maxNewTokens: 24,
      sampling: { ...greedy, temperature: 1, seed: length },
      ends: [],
    }));
    const run = { plan, policy, places: 2, sequences };
    const together = await writeTogether(model, run);
    for (const [i, sequence] of sequences.entries()) {
      expect(together[i]).toEqual(await writeAlone(model, run, sequence));
    }
  });

  it('reads every matrix once a step, however many sequences there are', async () => {
    const perStep = [];
    for (const places of [1, 2, 5, 8, 16]) perStep.push(await workPerStep(model, plan, places));
    const { hiddenSize, intermediateSize, heads, kvHeads, headDim, layerCount } = tinyDims;
    // q, o, gate, up and down of each layer, k and v of three owners, and the head.
    expect(perStep[0]?.products).toBe(5 * layerCount + 2 * 3 + 1);
    const numbers =
      layerCount * (2 * heads * headDim * hiddenSize + 3 * hiddenSize * intermediateSize) +
      3 * 2 * kvHeads * headDim * hiddenSize;
    expect(perStep[0]?.weightBytes).toBeGreaterThan(4 * numbers);
    for (const each of perStep) expect(each).toEqual(perStep[0]);
  });

  it.each([
    ['without a policy', texts[0]],
    ['under a policy', texts[1]],
  ])('fits into a budget to the byte, %s, and takes what was foreseen', async (_, options) => {
    if (!options) throw new Error('there are two');
    const text = { ...options, turnTokens: 9 };
    const before = backend.allocatedBytes;
    const roomy = await largestBatch(model, plan, text, model.bytes + 220_000);
    expect(roomy.places).toBeGreaterThan(20);
    expect(roomy.verifiedBytes).toBe(roomy.weightBytes + roomy.kvBytes + roomy.scratchBytes);
    expect(roomy.verifiedBytes).toBeLessThanOrEqual(model.bytes + 220_000);
    const exact = await largestBatch(model, plan, text, roomy.verifiedBytes);
    expect(exact).toMatchObject({ places: roomy.places, verifiedBytes: roomy.verifiedBytes });
    const short = await largestBatch(model, plan, text, roomy.verifiedBytes - 1);
    expect(short).toMatchObject({ places: roomy.places - 1, missingBytes: 1 });
    expect(await largestBatch(model, plan, text, model.bytes)).toMatchObject({ places: 0, kvBytes: 0 });
    expect(backend.allocatedBytes).toBe(before);
  });
});

const ignore = () => undefined;
const never = () => false;

/** The bits of the logits that lie in the memory of an owner. */
async function readLogits({ context }: WebGpuBackend, owner: string): Promise<readonly number[]> {
  const entry = context.ledger.entries().find((each) => each.owner === owner && each.label === 'logits');
  if (!entry) throw new Error(`${owner} has no logits`);
  const scope = context.ledger.scope('test');
  const staging = scope.staging('logits', entry.bytes);
  const encoder = context.device.createCommandEncoder();
  encoder.copyBufferToBuffer(entry.buffer, 0, staging, 0, entry.bytes);
  context.device.queue.submit([encoder.finish()]);
  await context.wait(staging.mapAsync(GPUMapMode.READ));
  const bits = [...new Uint32Array(staging.getMappedRange())];
  scope.free();
  return bits;
}

/** A batch that has memory for that many open texts. */
function withRoomFor(most: number, batch: Batch): Batch {
  let open = 0;
  return {
    places: batch.places,
    mostPlaces: batch.mostPlaces,
    work: batch.work,
    sharedBytesFor: (places) => batch.sharedBytesFor(places),
    open: async (options) => {
      if (open === most) throw new BackendError({ code: 'out-of-memory', what: 'kv', bytes: 1 });
      const text = await batch.open(options);
      open++;
      const closeText = text.close.bind(text);
      const close = () => {
        open--;
        closeText();
      };
      return Object.assign(text, { close });
    },
    prefill: (turns, options) => batch.prefill(turns, options),
    feed: (texts, options) => batch.feed(texts, options),
    decode: (texts, options) => batch.decode(texts, options),
    get allocatedBytes() {
      return batch.allocatedBytes;
    },
    close: () => {
      batch.close();
    },
  };
}
