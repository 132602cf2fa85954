import { openGpu, type GpuContext } from '../../gpu/webgpu/device.ts';
import type { Kernel } from '../../gpu/webgpu/kernel.ts';
import { bytesOf, toF16, toFloat32, type ElementType } from '../../gpu/numbers/element-type.ts';
import { keptRows, packRows, type MatrixFormat } from '../../gpu/numbers/matrix-format.ts';
import { threefry2x32 } from '../../gpu/cpu/random.ts';
import { packRow, rowAt, ROW_WORDS, type Row } from '../../gpu/kv/rows.ts';
import { linearSlots, type SlotLayout } from '../../gpu/kv/slots.ts';
import { packSteps, type Step } from '../../gpu/webgpu/step.ts';
import { sharedGpu } from './shared-devices.ts';

let opened: Promise<GpuContext> | undefined;

/** One device for all kernels of a file. */
export const context = (): Promise<GpuContext> => (opened ??= sharedGpu().then(openGpu));

export type Data = Float32Array | Uint32Array | Uint16Array;

const plainStep: Step = { rows: 1, firstRow: 0, windowTokens: 1000 };

export const stepOf = (step: Partial<Step>): Step => ({ ...plainStep, ...step });

/** A row table for the binding `rows` of a kernel. */
export function rowTable(rows: readonly Row[]): Uint32Array {
  const table = new Uint32Array(ROW_WORDS * rows.length);
  rows.forEach((row, index) => packRow(table, index, row));
  return table;
}

/** The row table of neighboring positions in a store with this layout. */
export const rowsFrom = (layout: SlotLayout, first: number, count = 1): Uint32Array =>
  rowTable(Array.from({ length: count }, (_, i) => rowAt(layout, first + i)));

/** The row table of one position whose slot does not matter. */
export const positionOnly = (position: number): Uint32Array => rowsFrom(linearSlots(position + 1), position);

/**
 * Runs a kernel once and reads one buffer back, as 32-bit words.
 *
 * @param data contents by binding. A binding of kind `step` takes its Step from `step`
 */
export async function run<Binding extends string, Params>(
  kernel: Kernel<Binding, Params>,
  params: Params,
  data: Readonly<Record<Exclude<Binding, 'step' | 'shape'>, Data>>,
  output: Exclude<Binding, 'step' | 'shape'>,
  step: Partial<Step> = {},
): Promise<ArrayBuffer> {
  const { device, ledger, kernels, wait } = await boundContext();
  const scope = ledger.scope(`test of ${kernel.label}`);
  try {
    const contents: Record<string, Data> = { ...data, step: packSteps([stepOf(step)]) };
    const buffers = Object.fromEntries(
      Object.entries(kernel.bindings).map(([name, kind]) => {
        const content = contents[name] ?? new Float32Array(4);
        const uniform = kind === 'uniform' || kind === 'step';
        const buffer = uniform
          ? scope.uniform(name, content.byteLength)
          : scope.storage(name, content.byteLength);
        device.queue.writeBuffer(buffer, 0, evenWords(content));
        return [name, buffer];
      }),
    ) as Record<Binding, GPUBuffer>; // the keys of `bindings` are the Bindings
    const recorder = kernels.record(scope);
    recorder.add(kernel, params, buffers);
    const recording = await recorder.finish();

    const bytes = evenWords(contents[output] ?? new Float32Array(4)).byteLength;
    const staging = scope.staging('read-back', bytes);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    recording.replay(pass, 0, step.rows ?? 1);
    pass.end();
    encoder.copyBufferToBuffer(buffers[output], 0, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await wait(staging.mapAsync(GPUMapMode.READ));
    return staging.getMappedRange(0, bytes).slice(0);
  } finally {
    scope.free();
  }
}

async function boundContext() {
  const opened = await context();
  return {
    device: opened.device,
    ledger: opened.ledger,
    kernels: opened.kernels,
    wait: <T>(work: Promise<T>) => opened.wait(work),
  };
}

function evenWords(data: Data): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return padded;
}

/** A tolerance that is absolute for small numbers and relative for large ones. */
export const within = (tolerance: number) => ({ absolute: tolerance, relative: tolerance });

let streams = 0;

/** Begins again with the first numbers. */
export function restartRandomFloats(): void {
  streams = 0;
}

/** Numbers between -scale and scale, the same in every run. */
export function randomFloats(count: number, scale = 1): Float32Array<ArrayBuffer> {
  const stream = streams++;
  return Float32Array.from(
    { length: count },
    (_, i) => (threefry2x32([stream, 7], [i, 0])[0] / 2 ** 31 - 1) * scale,
  );
}

/** Numbers in their stored form: the bytes for the kernel, and the rounded values. */
export function stored(
  values: Float32Array,
  type: ElementType,
): { readonly data: Data; readonly values: Float32Array } {
  if (bytesOf(type) === 4) return { data: values, values };
  const data =
    type === 'f16'
      ? toF16(values)
      : new Uint16Array(new Uint32Array(values.slice().buffer).map((bits) => bits >>> 16));
  return { data, values: toFloat32(new Uint8Array(data.buffer), type) };
}

/** A matrix in the form of a backend: the data for the kernel, and the numbers that it represents. */
export function kept(
  values: Float32Array<ArrayBuffer>,
  cols: number,
  format: MatrixFormat,
): { readonly data: Data; readonly values: Float32Array } {
  if (format !== 'q8' && format !== 'q4') return stored(values, format);
  const bytes = new Uint8Array(values.buffer);
  const packed = packRows(bytes, 'f32', cols, format);
  return { data: new Uint32Array(packed.buffer), values: keptRows(bytes, 'f32', cols, format) };
}

/** heads, kvHeads, headDim: one head, MHA, GQA, more query heads than a workgroup, long heads, odd groups. */
export const headShapes = [
  [1, 1, 8],
  [3, 3, 24],
  [6, 2, 32],
  [12, 1, 16],
  [10, 2, 64],
  [2, 1, 128],
  [2, 2, 256],
  [1, 1, 328],
] as const;

/** A matrix's rows, as views. */
export const rowsOf = (values: Float32Array, cols: number) =>
  Array.from({ length: values.length / cols }, (_, row) => values.subarray(row * cols, (row + 1) * cols));

export const joined = (rows: readonly Float32Array[]) => Float32Array.from(rows.flatMap((row) => [...row]));

/** Padded with zeros to `length`. */
export function padded(values: Float32Array, length: number): Float32Array {
  const result = new Float32Array(length);
  result.set(values.subarray(0, length));
  return result;
}
