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
import { embed } from '../../gpu/webgpu/kernels/embed.ts';
import { gateUp } from '../../gpu/webgpu/kernels/gate-up.ts';
import type { HeadsParams } from '../../gpu/webgpu/kernels/heads.ts';
import { placeHeads } from '../../gpu/webgpu/kernels/place-heads.ts';
import { projectQkvColumns } from '../../gpu/webgpu/kernels/project-qkv.ts';
import { projectHeads } from '../../gpu/webgpu/kernels/project-heads.ts';
import { project } from '../../gpu/webgpu/kernels/project.ts';
import { sample } from '../../gpu/webgpu/kernels/sample.ts';
import { swiglu } from '../../gpu/webgpu/kernels/swiglu.ts';
import { packSampling } from '../../gpu/webgpu/pack-sampling.ts';
import { packSteps } from '../../gpu/webgpu/step.ts';
import { countDispatch } from '../../tools/bench/count/accesses.ts';
import { openCountingDevice } from '../../tools/bench/count/counting-device.ts';
import { adapterOrFail } from '../support/adapter-or-fail.ts';
import { BARRIERS, CHAIN, countLoads, FIRST_BUFFER } from '../support/count-loads.ts';
import { rowTable } from '../support/kernels.ts';

/** What a buffer holds, or how many words of zeros. */
type Contents = Uint32Array | number;

const position = 99;
const windowTokens = 40;
const facts = { backend: 'webgpu', vendor: '', description: '', software: true } as const;

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
    process.env['GALLIVM_PERF'] ??= 'nopt'; // lavapipe: compiles faster, and what is loaded stays the same
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

  it.each(some(1, [1000, 30]))('sample, greedily: %i logits', async (vocabSize) => {
    await compare(
      sample,
      { vocabSize, tokenPlaces: position + 2, workgroup: 64 },
      {
        logits: vocabSize,
        tokens: position + 2,
        seen: vocabSize,
        options: new Uint32Array(packSampling(greedy)),
        rows: rows(),
        drawn: 1,
      },
    );
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

/** Loads by buffer, without those that load nothing; barriers; waits. */
interface Counted {
  readonly loads: Readonly<Record<string, { readonly asked: number; readonly distinct: number }>>;
  readonly barriers: number;
  readonly longestLoadChain: number;
}

async function declared<Binding extends string, Params>(
  kernel: Kernel<Binding, Params>,
  params: Params,
  contents: Readonly<Record<string, Contents>>,
  count: number,
): Promise<Counted> {
  const counting = openCountingDevice();
  const context = new GpuContext(counting.device, facts);
  const [noted] = await counting.dispatchesOf(() => dispatch(context, kernel, params, contents, count));
  if (!noted) throw new Error('nothing was dispatched');
  const { loads, barriers, longestLoadChain } = countDispatch(noted).access;
  const some = Object.entries(loads).filter(([, each]) => (each?.asked ?? 0) > 0);
  return { loads: Object.fromEntries(some) as Counted['loads'], barriers, longestLoadChain };
}

async function loaded<Binding extends string, Params>(
  context: GpuContext,
  kernel: Kernel<Binding, Params>,
  params: Params,
  contents: Readonly<Record<string, Contents>>,
  count: number,
): Promise<Counted> {
  const names = Object.keys(contents);
  const sizes = Object.values(contents).map((each) => (typeof each === 'number' ? each : each.length));
  const marks = names.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 16));
  const end = sizes.reduce((sum, size) => sum + size, 16);
  const counting = countLoads(kernel, (name) => marks[names.indexOf(name)] ?? end);
  const all = { ...contents, counted: end };
  const counted = await dispatch(context, counting.kernel, params, all, count, 'counted');
  const [x, y = 1, z = 1] = kernel.workgroups(params, count);
  const invocations = x * y * z * (kernel.constants(params)['WG'] ?? 64);
  const loads = counting.buffers.map((name, i) => {
    const index = names.indexOf(name);
    const from = marks[index] ?? 0;
    const marked = counted.subarray(from, from + (sizes[index] ?? 0));
    const distinct = marked.reduce((sum, mark) => sum + 4 * bitsIn(mark), 0);
    return [name, { asked: counted[FIRST_BUFFER + i] ?? 0, distinct }] as const;
  });
  return {
    loads: Object.fromEntries(loads.filter(([, { asked }]) => asked > 0)),
    barriers: ((counted[BARRIERS] ?? 0) / invocations) * x * y * z,
    longestLoadChain: counted[CHAIN] ?? 0,
  };
}

const bitsIn = (mark: number) => mark.toString(2).replaceAll('0', '').length;

/** Dispatches a kernel for some rows, and reads a buffer back if asked to. */
async function dispatch<Binding extends string, Params>(
  { device, ledger, kernels }: GpuContext,
  kernel: Kernel<Binding, Params>,
  params: Params,
  contents: Readonly<Record<string, Contents>>,
  count: number,
  output?: string,
): Promise<Uint32Array> {
  const scope = ledger.scope('counted');
  try {
    const all: Record<string, Contents> = {
      ...contents,
      step: packSteps([{ rows: count, firstRow: 0, windowTokens }]),
    };
    const buffers = Object.fromEntries(
      Object.entries<string>(kernel.bindings).map(([name, kind]) => {
        const content = all[name] ?? 4;
        const bytes = 4 * (typeof content === 'number' ? Math.ceil(content / 4) * 4 : content.length);
        const isUniform = kind === 'uniform' || kind === 'step';
        const buffer = isUniform ? scope.uniform(name, bytes) : scope.storage(name, bytes);
        if (typeof content !== 'number') device.queue.writeBuffer(buffer, 0, content.slice());
        return [name, buffer];
      }),
    ) as Record<Binding, GPUBuffer>; // the keys of `bindings` are the Bindings
    const recorder = kernels.record(scope);
    recorder.add(kernel, params, buffers);
    const recording = await recorder.finish();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    recording.replay(pass, 0, count);
    pass.end();
    const read = Object.entries<GPUBuffer>(buffers).find(([name]) => name === output)?.[1];
    const staging = read && scope.staging('read-back', read.size);
    if (read && staging) encoder.copyBufferToBuffer(read, 0, staging, 0, read.size);
    device.queue.submit([encoder.finish()]);
    if (!staging) return new Uint32Array();
    await staging.mapAsync(GPUMapMode.READ);
    return new Uint32Array(staging.getMappedRange()).slice();
  } finally {
    scope.free();
  }
}
