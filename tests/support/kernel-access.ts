import type { Kernel } from '../../gpu/webgpu/kernel.ts';
import { GpuContext } from '../../gpu/webgpu/device.ts';
import { packSteps } from '../../gpu/webgpu/step.ts';
import { countDispatch } from '../../tools/bench/count/accesses.ts';
import { openCountingDevice } from '../../tools/bench/count/counting-device.ts';
import { BARRIERS, CHAIN, countLoads, FIRST_BUFFER } from './count-loads.ts';

/** What a buffer holds, or how many words of zeros. */
export type Contents = Uint32Array | number;

/** Positions that a windowed kernel sees. */
const windowTokens = 40;

export const facts = { backend: 'webgpu', vendor: '', description: '', software: true } as const;

/** Loads by buffer, without those that load nothing; barriers; waits. */
interface Counted {
  readonly loads: Readonly<Record<string, { readonly asked: number; readonly distinct: number }>>;
  readonly barriers: number;
  readonly longestLoadChain: number;
}

export async function declared<Binding extends string, Params>(
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

export async function loaded<Binding extends string, Params>(
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
  const [x, y = 1, z = 1] = kernel.workgroups(params, count, 1);
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
