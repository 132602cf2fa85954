// What kernels declare that they load, beside what they load on a device: kernels/access.ts has the rules.
import { requestGpu, runningIn } from '#platform';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { rowAt } from '../../gpu/kv/rows.ts';
import { linearSlots } from '../../gpu/kv/slots.ts';
import { rowBytes, type MatrixFormat } from '../../gpu/numbers/matrix-format.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { GpuContext } from '../../gpu/webgpu/device.ts';
import type { Kernel } from '../../gpu/webgpu/kernel.ts';
import { attend, type AttendParams } from '../../gpu/webgpu/kernels/attend.ts';
import { attendOnce } from '../../gpu/webgpu/kernels/attend-once.ts';
import { attendMany } from '../../gpu/webgpu/kernels/attend-many.ts';
import type { Columns } from '../../gpu/webgpu/kernels/columns.ts';
import { embed } from '../../gpu/webgpu/kernels/embed.ts';
import { gateUp, gateUpColumns } from '../../gpu/webgpu/kernels/gate-up.ts';
import type { HeadsParams } from '../../gpu/webgpu/kernels/heads.ts';
import type { MatvecInput, MatvecTuning } from '../../gpu/webgpu/kernels/matvec.ts';
import { placeHeads } from '../../gpu/webgpu/kernels/place-heads.ts';
import { projectHeads, projectHeadsColumns } from '../../gpu/webgpu/kernels/project-heads.ts';
import { projectQkvColumns } from '../../gpu/webgpu/kernels/project-qkv.ts';
import { project, projectColumns } from '../../gpu/webgpu/kernels/project.ts';
import {
  foundBytes,
  sample,
  sampleGather,
  sampleScan,
  stretchesOf,
} from '../../gpu/webgpu/kernels/sample.ts';
import { swiglu } from '../../gpu/webgpu/kernels/swiglu.ts';
import { packSampling } from '../../gpu/webgpu/pack-sampling.ts';
import { adapterOrFail } from '../support/adapter-or-fail.ts';
import { declared, facts, loaded, type Contents } from '../support/kernel-access.ts';
import { rowTable } from '../support/kernels.ts';

/** A product for several rows, of which the last columns may have none. */
interface OfBatch {
  readonly columns: Columns;
  readonly texts: number;
  readonly type: MatrixFormat;
  readonly input: MatvecInput;
  readonly count: number;
  readonly cols: number;
  readonly tuning: MatvecTuning;
}

const position = 99;

const rows = (at = position) => rowTable([rowAt(linearSlots(at + 1), at)]);
const words = (format: MatrixFormat, count: number, cols: number) => (count * rowBytes(format, cols)) / 4;
const plain = { kind: 'plain' } as const;
const normed = (dim: number) => ({ kind: 'normed', dim, eps: 1e-5 }) as const;
const hardware = { workgroup: 64, lanes: 32 };
const software = { workgroup: 64, lanes: 1 };

const atNight = inject('samples') === 'all';

/** Counting kernels take seconds to compile, so that a change is tested on the `first` cases of a kernel. */
const some = <Case>(first: number, cases: readonly Case[]): readonly Case[] =>
  atNight ? cases : cases.slice(0, first);

// A counting kernel takes SwiftShader long to compile, and counts the same there.
describe.runIf(runningIn === 'node')('A kernel loads what it declares', () => {
  let context: GpuContext;

  beforeAll(async () => {
    const adapter = await adapterOrFail(await requestGpu(), 'to count loads');
    // One more than kernels may use elsewhere: the counters.
    const device = await adapter.requestDevice({ requiredLimits: { maxStorageBuffersPerShaderStage: 9 } });
    context = new GpuContext(device, facts);
  });
  afterAll(() => {
    context.destroy();
  });

  async function compare<Binding extends string, Params>(
    kernel: Kernel<Binding, Params>,
    params: Params,
    contents: Readonly<Record<Exclude<Binding, 'step' | 'shape'>, Contents>>,
    count = 1,
  ): Promise<void> {
    expect(await loaded(context, kernel, params, contents, count)).toEqual(
      await declared(kernel, params, contents, count),
    );
  }

  const projections = [
    { input: normed(290), type: 'q4', count: 22, cols: 296, tuning: hardware, add: false, biased: false },
    {
      input: { kind: 'splits', splits: 2, heads: 70 },
      type: 'f16',
      count: 4,
      cols: 560,
      tuning: hardware,
      add: true,
      biased: false,
    },
    { input: plain, type: 'f16', count: 18, cols: 40, tuning: software, add: false, biased: true },
    { input: normed(2100), type: 'f16', count: 9, cols: 2104, tuning: hardware, add: false, biased: false },
    { input: plain, type: 'f16', count: 20, cols: 40, tuning: hardware, add: true, biased: true },
    { input: normed(600), type: 'f32', count: 10, cols: 600, tuning: software, add: true, biased: false },
    { input: normed(40), type: 'q8', count: 8, cols: 40, tuning: software, add: false, biased: false },
    {
      input: { kind: 'splits', splits: 4, heads: 6 },
      type: 'q8',
      count: 12,
      cols: 96,
      tuning: hardware,
      add: true,
      biased: false,
    },
  ] as const;
  it.each(some(3, projections))(
    'project: $type, $count rows of $cols, $input.kind, $tuning.lanes lanes',
    async (each) => {
      const { input, type, count, cols, tuning, add, biased } = each;
      // Ones, because parts without keys are not loaded.
      const parts = input.kind === 'splits' ? input.splits * (cols + 4 * input.heads) : cols;
      const x = new Uint32Array(parts).fill(0x3f800000);
      await compare(
        project,
        { matrix: { rows: count, cols, type }, input, yStride: count, add, biased, tuning },
        { x, gain: cols, w: words(type, count, cols), bias: count, y: count },
      );
    },
  );

  const gates = [
    { type: 'f16', count: 20, cols: 40, tuning: hardware, biased: true },
    { type: 'q4', count: 14, cols: 72, tuning: software, biased: true },
    { type: 'f16', count: 10, cols: 520, tuning: software, biased: false },
  ] as const;
  it.each(some(1, gates))('gate-up: $type, $count rows of $cols, $tuning.lanes lanes', async (each) => {
    const { type, count, cols, tuning, biased } = each;
    await compare(
      gateUp,
      { matrix: { rows: count, cols, type }, input: normed(cols), yStride: count / 2, biased, tuning },
      { x: cols, gain: cols, w: words(type, count, cols), bias: count, y: count },
    );
  });

  const query: HeadsParams = {
    ...{ headDim: 16, heads: 3, rotatedHeads: 3, normed: false, eps: 1e-5 },
    to: { kind: 'rows' },
  };
  const keyValue: HeadsParams = {
    ...query,
    ...{ heads: 4, rotatedHeads: 2, normed: true, to: { kind: 'cache', format: 'f16' } },
  };
  const headBuffers = ({ heads, headDim }: HeadsParams) => ({
    headGain: headDim,
    rope: (position + 1) * headDim,
    out: (position + 1) * heads * headDim,
    rows: rows(),
  });

  const projectedHeads = [
    { heads: keyValue, type: 'q8', lanes: 4, biased: false },
    { heads: query, type: 'f16', lanes: 32, biased: true },
    { heads: query, type: 'f32', lanes: 1, biased: true },
  ] as const;
  it.each(some(1, projectedHeads))('project-heads: $type, $heads.heads heads, $lanes lanes', async (each) => {
    const { heads, type, lanes, biased } = each;
    const [count, cols] = [heads.heads * heads.headDim, 72];
    await compare(
      projectHeads,
      { matrix: { rows: count, cols, type }, input: normed(cols), biased, heads, lanes },
      { x: cols, gain: cols, w: words(type, count, cols), bias: count, ...headBuffers(heads) },
    );
  });

  const togethers = [
    { type: 'q8', normed: true, biased: true },
    { type: 'f16', normed: false, biased: false },
  ] as const;
  it.each(some(1, togethers))('project-qkv: $type', async ({ type, normed: areNormed, biased }) => {
    const [queryHeads, cols] = [3, 72];
    const heads = { ...keyValue, normed: areNormed };
    const { headDim } = heads;
    const [queries, others] = [queryHeads * headDim, heads.heads * headDim];
    const matrix = { rows: queries, cols, type };
    const vectors = cols + (biased ? queries + others : 0) + (areNormed ? 2 * headDim : 0);
    const { rope, out, rows } = headBuffers(heads);
    await compare(
      projectQkvColumns(1),
      { matrix, input: normed(cols), biased, queryHeads, heads, lanes: 32 },
      {
        ...{ x: cols, gain: vectors, w: words(type, queries, cols), rope, queries, out, rows },
        keyValueWeights: words(type, others, cols),
      },
    );
  });

  it.each([query, { ...keyValue, headDim: 72 }])('place-heads: $heads heads of $headDim', async (heads) => {
    await compare(placeHeads, heads, { x: heads.heads * heads.headDim, ...headBuffers(heads) });
  });

  it('swiglu', async () => {
    await compare(swiglu, { dim: 100, yStride: 104 }, { x: 200, y: 104 });
  });

  it.each(['f32', 'f16', 'q8', 'q4'] as const)('embed: %s', async (type) => {
    const matrix = { rows: 4, cols: 296, type, tokenPlaces: position + 2 };
    await compare(embed, matrix, {
      tokens: new Uint32Array(position + 2).fill(3),
      w: words(type, 4, 296),
      hidden: 296,
      rows: rows(),
    });
  });

  it.each([
    ...some(1, [1000, 30]).map((vocabSize) => ({ vocabSize, stretches: 0 })),
    ...some(1, [1100, 30]).map((vocabSize) => ({ vocabSize, stretches: stretchesOf(vocabSize) })),
  ])('sample, greedily: $vocabSize logits in $stretches stretches', async ({ vocabSize, stretches }) => {
    const params = { vocabSize, tokenPlaces: position + 2, workgroup: 64, stretches };
    const found = foundBytes(vocabSize) / 4;
    const options = new Uint32Array(packSampling(greedy));
    const shared = { logits: vocabSize, options, rows: rows(), found };
    await compare(sample, params, { ...shared, tokens: position + 2, seen: vocabSize, drawn: 1 });
    if (stretches === 0) return;
    await compare(sampleScan, params, { ...shared, tokens: position + 2 });
    await compare(sampleGather, params, { ...shared, listed: vocabSize });
  });

  const attention: AttendParams = {
    ...{ heads: 6, kvHeads: 2, headDim: 16, format: 'f16', workgroup: 32 },
    ...{ diagonal: true, windowed: false, splits: 1, mostSplits: 8 },
  };
  const attentions: readonly (AttendParams & { readonly at?: number })[] = [
    { ...attention, splits: 8, windowed: true, format: 'f32' },
    { ...attention },
    { ...attention, splits: 2, workgroup: 64 },
    { ...attention, splits: 3, heads: 10, headDim: 64, diagonal: false },
    { ...attention, diagonal: false, at: 0 },
  ];
  const ofGpu = { ...attention, heads: 16, headDim: 8, splits: 4 };
  const attentionsOfGpu: readonly (AttendParams & { readonly at?: number })[] = [
    { ...ofGpu },
    { ...ofGpu, heads: 10, headDim: 64, splits: 2, windowed: true, format: 'f32' },
    { ...ofGpu, diagonal: false, at: 0 },
  ];
  it.each([
    ...some(1, attentions).map((params) => ({ kernel: attend, ...params })),
    ...some(1, attentionsOfGpu).map((params) => ({ kernel: attendOnce, ...params })),
  ])('$kernel.label: $heads heads of $headDim, $splits splits', async (each) => {
    const { kernel, at = position, ...params } = each;
    const size = params.heads * params.headDim;
    const kv = (at + 1) * 2 * params.kvHeads * params.headDim;
    await compare(kernel, params, {
      q: size,
      kv: params.format === 'f32' ? kv : kv / 2,
      y: params.splits * (size + 4 * params.heads),
      rows: rows(at),
    });
  });

  /** A row for each of some texts, whose slots lie behind one another. They have come equally far, or not. */
  const rowsOfTexts = (texts: number, apart = 0) =>
    rowTable(
      Array.from({ length: texts }, (_, text) =>
        rowAt(
          { ...linearSlots(position + 1), firstSlot: text * (position + 1) },
          position - text * apart,
          text,
        ),
      ),
    );

  const ofBatches: readonly OfBatch[] = [
    { columns: 2, texts: 3, type: 'f16', input: normed(72), count: 18, cols: 72, tuning: hardware },
    { columns: 4, texts: 4, type: 'q4', input: plain, count: 10, cols: 72, tuning: software },
    { columns: 4, texts: 3, type: 'q4', input: normed(1100), count: 70, cols: 1104, tuning: hardware },
    { columns: 8, texts: 8, type: 'q4', input: normed(560), count: 10, cols: 560, tuning: hardware },
    {
      ...{ columns: 4, texts: 6, type: 'f16', count: 12, cols: 96, tuning: hardware },
      input: { kind: 'splits', splits: 2, heads: 6 },
    },
    { columns: 8, texts: 8, type: 'q8', input: normed(72), count: 10, cols: 72, tuning: hardware },
  ];
  it.each(some(2, ofBatches))(
    'project: $texts rows of a batch by $columns, $type, $input.kind, $tuning.lanes lanes',
    async ({ columns, texts, type, input, count, cols, tuning }) => {
      const splits = input.kind === 'splits' ? input.splits * (cols + 4 * input.heads) : cols;
      const room = Math.ceil(texts / columns) * columns;
      await compare(
        projectColumns(columns),
        { matrix: { rows: count, cols, type }, input, yStride: count, add: true, biased: true, tuning },
        {
          x: new Uint32Array(room * splits).fill(0x3f800000), // ones, because parts without keys are not loaded
          gain: cols,
          w: words(type, count, cols),
          bias: count,
          y: room * count,
        },
        texts,
      );
    },
  );

  it('gate-up: 3 rows of a batch by 2', async () => {
    const [texts, count, cols] = [3, 20, 40];
    await compare(
      gateUpColumns(2),
      {
        matrix: { rows: count, cols, type: 'f16' },
        ...{ input: normed(cols), yStride: count / 2, biased: true, tuning: software },
      },
      { x: 4 * cols, gain: cols, w: words('f16', count, cols), bias: count, y: 4 * count },
      texts,
    );
  });

  it('project-heads: 3 rows of a batch by 2', async () => {
    const [texts, cols] = [3, 72];
    const count = keyValue.heads * keyValue.headDim;
    await compare(
      projectHeadsColumns(2),
      {
        matrix: { rows: count, cols, type: 'f16' },
        ...{ input: normed(cols), biased: true, heads: keyValue, lanes: 4 },
      },
      {
        ...headBuffers(keyValue),
        ...{ x: 4 * cols, gain: cols, w: words('f16', count, cols), bias: count },
        out: texts * (position + 1) * count,
        rows: rowsOfTexts(texts, 1),
      },
      texts,
    );
  });

  it.each([attend, attendOnce])('$label: 3 rows of a batch', async (kernel) => {
    const texts = 3;
    const params = { ...attention, splits: 2 };
    const size = params.heads * params.headDim;
    await compare(
      kernel,
      params,
      {
        q: texts * size,
        kv: texts * (position + 1) * params.kvHeads * params.headDim,
        y: texts * params.splits * (size + 4 * params.heads),
        rows: rowsOfTexts(texts),
      },
      texts,
    );
  });

  it('embed: 3 rows of a batch', async () => {
    const texts = 3;
    await compare(
      embed,
      { rows: 4, cols: 296, type: 'f16', tokenPlaces: position + 2 },
      {
        tokens: new Uint32Array(texts * (position + 2)).map((_, i) => Math.floor(i / (position + 2))),
        w: words('f16', 4, 296),
        hidden: texts * 296,
        rows: rowsOfTexts(texts),
      },
      texts,
    );
  });

  const rowsOfPrompt = (first: number, count: number) =>
    rowTable(Array.from({ length: count }, (_, i) => rowAt(linearSlots(first + count), first + i)));

  const prompts: readonly (AttendParams & { readonly first: number; readonly count: number })[] = [
    { ...attention, first: 60, count: 40, windowed: true, format: 'f32' },
    { ...attention, headDim: 24, first: 0, count: 33, diagonal: false },
    { ...attention, heads: 2, headDim: 328, first: 150, count: 7 },
  ];
  it.each(some(2, prompts))('attend-many: %o', async ({ first, count, ...params }) => {
    const size = params.heads * params.headDim;
    const kv = (first + count) * 2 * params.kvHeads * params.headDim;
    await compare(
      attendMany,
      params,
      {
        q: count * size,
        kv: params.format === 'f32' ? kv : kv / 2,
        y: count * size,
        rows: rowsOfPrompt(first, count),
      },
      count,
    );
  });
});
