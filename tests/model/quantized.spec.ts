import { runningIn } from '#platform';
import { afterAll, describe, expect, it } from 'vitest';
import type { GpuOptions } from '../../gpu/webgpu/device.ts';
import { openCpuBackend } from '../../gpu/reference/backend.ts';
import { openWasmBackend } from '../../gpu/wasm/backend.ts';
import { instructionsHere } from '../../gpu/wasm/kernels.ts';
import { hardwareTuning } from '../../gpu/webgpu/tuning.ts';
import { padded } from '../../gpu/numbers/panels.ts';
import type { WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { bothModesAndPlans, expectAlike } from '../support/expect-alike.ts';
import { openGpuBackend, putRandomModel, runSession, tinyDims } from '../support/random-model.ts';

// Rows of 44, 72 and 100 numbers, none of which is a multiple of 32.
const dims = {
  ...tinyDims,
  hiddenSize: 44,
  intermediateSize: 100,
  heads: 3,
  kvHeads: 1,
  headDim: 24,
  vocabSize: 150,
};

/** Bytes of each matrix by the formula of the README: groups of 32, then scales of 2 bytes, padded to 16. */
const bytesOfRows = (rows: number, cols: number, bits: number) => {
  const groups = Math.ceil(cols / 32);
  return rows * (groups * 4 * bits + 16 * Math.ceil((2 * groups) / 16));
};

const text = { turns: [[1, 149, 64, 63, 128, 5, 70]], newTokens: 4 };

const formats = [
  { weights: 'q8', bits: 8, quantizeEmbeddings: false },
  { weights: 'q4', bits: 4, quantizeEmbeddings: true },
] as const;

// A software adapter takes long to compile the kernels of a GPU, so only one format runs there, in Node. In Chromium
// random plans run on these kernels, and each kernel by itself in these formats.
const allShapes: readonly {
  name: string;
  options: GpuOptions;
  formats: readonly (typeof formats)[number][];
}[] = [
  { name: "a software adapter's kernels", options: {}, formats },
  {
    name: "a GPU's kernels",
    options: { tuning: { ...hardwareTuning, attendWorkgroup: 8 }, largestBindingBytes: 13_000 },
    formats: formats.slice(1),
  },
];

const shapes = allShapes.slice(0, runningIn === 'node' ? 2 : 1);

describe.each(shapes)('Quantized weights, with $name', ({ options, formats }) => {
  const gpu = openGpuBackend(options);
  const cpu = openCpuBackend();
  afterAll(async () => (await gpu).destroy());

  it.each(formats)(
    'in $weights (embeddings and head: $quantizeEmbeddings) take the stated bytes and equal the CPU twin',
    async ({ weights, bits, quantizeEmbeddings }) => {
      const { context } = await gpu;
      const request = { type: 'bf16', weights, quantizeEmbeddings } as const;
      const models = await putRandomModel([await gpu, cpu], dims, layersOf('0_1_2_3'), request);
      try {
        const bytesOf = (label: string) =>
          context.ledger
            .entries()
            .filter((entry) => entry.label === label || entry.label.startsWith(`${label}/rows-`))
            .reduce((sum, { bytes }) => sum + bytes, 0);
        expect(bytesOf('q/0')).toBe(bytesOfRows(72, 44, bits));
        expect(bytesOf('kv/1')).toBe(bytesOfRows(48, 44, bits));
        expect(bytesOf('o/2')).toBe(bytesOfRows(44, 72, bits));
        expect(bytesOf('gateUp/3')).toBe(bytesOfRows(200, 44, bits));
        expect(bytesOf('down/3')).toBe(bytesOfRows(44, 100, bits));
        for (const label of ['embed/0', 'head/0']) {
          expect(bytesOf(label)).toBe(quantizeEmbeddings ? bytesOfRows(150, 44, bits) : 150 * 48 * 2);
        }
        expect(models[0]?.bytes).toBe((await gpu).allocatedBytes);

        // As in random-plans.spec.ts: values of about 5 through 4 layers in float32.
        await expectAlike(models, text, 5e-4);
      } finally {
        for (const model of models) model.free();
      }
      expect((await gpu).allocatedBytes).toBe(0);
    },
  );
});

describe.each(instructionsHere())('Quantized weights, in WebAssembly with %s', (instructions) => {
  const wasm = openWasmBackend(instructions);

  it.each(formats)(
    'in $weights (embeddings and head: $quantizeEmbeddings) take their packed bytes and come close to the CPU twin',
    async ({ weights, bits, quantizeEmbeddings }) => {
      const request = { type: 'f16', weights, quantizeEmbeddings } as const;
      const models = await putRandomModel([await wasm, openCpuBackend()], dims, layersOf('0_1_2_3'), request);
      try {
        const packed = (rows: number, cols: number) => padded(rows) * Math.ceil(cols / 32) * (4 * bits + 2);
        const vectors = 4 * padded(44) * 9;
        const layer =
          packed(72, 44) + 2 * packed(24, 44) + packed(44, 72) + 2 * packed(100, 44) + packed(44, 100);
        const embedding = quantizeEmbeddings ? packed(150, 44) : padded(150) * 44 * 2;
        expect(models[0]?.bytes).toBe(vectors + 4 * layer + 2 * embedding);
        // Rows are quantized to 16 bits before they are multiplied: decision 42.
        await expectAlike(models, text, 1e-3);
      } finally {
        for (const model of models) model.free();
      }
    },
  );

  it('in 4 bits whose inputs have 8 come close to the CPU twin, and farther from the same with 16', async () => {
    const request = { type: 'f16', quantizeEmbeddings: true } as const;
    const rounding = { ...request, weights: 'w4a8' } as const;
    const backends = [await wasm, openCpuBackend()];
    const [got, wanted] = await putRandomModel(backends, dims, layersOf('0_1_2_3'), rounding);
    const [exact] = await putRandomModel(backends, dims, layersOf('0_1_2_3'), { ...request, weights: 'q4' });
    if (!got || !wanted || !exact) throw new Error('a model is missing');
    expect(got.bytes).toBe(exact.bytes);
    for (const { mode, name, session } of bothModesAndPlans) {
      const run = { ...text, mode, newTokens: 1 };
      const [mine, twin, sixteen] = await Promise.all(
        [got, wanted, exact].map(async (model) => (await runSession(model, session, run)).logits),
      );
      expect(distance(mine, twin), name).toBeLessThan(0.2 * distance(sixteen, twin));
    }
    for (const model of [got, wanted, exact]) model.free();
  });

  it('in 4 bits whose inputs have 8 multiply a matrix with a scale of 128 or more with all of its input, as the CPU twin does', async () => {
    const large = {
      type: 'f32',
      weights: 'w4a8',
      scaleOf: ({ role }: WeightSpec) => (role === 'down' ? 3e4 : 1),
    } as const;
    const models = await putRandomModel([await wasm, openCpuBackend()], dims, layersOf('0_1_2_3'), large);
    const session = {
      ...({ sharing: sharingOf('0_1_2_3'), passes: { forward: 1, backward: 0 } } as const),
      ...({ kvPrecision: 'f32', capacityTokens: 24 } as const),
    };
    const run = { ...text, mode: 'parallel', newTokens: 1 } as const;
    const [mine, twin] = await Promise.all(
      models.map(async (model) => (await runSession(model, session, run)).logits),
    );
    expect(distance(mine, twin)).toBeLessThan(1e-3);
    for (const model of models) model.free();
  });
});

/** The root of the mean square of the differences of logits. */
function distance(a: readonly ArrayLike<number>[] = [], b: readonly ArrayLike<number>[] = []): number {
  const squares = a.flatMap((row, i) => Array.from(row, (value, j) => (value - (b[i]?.[j] ?? NaN)) ** 2));
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
}
