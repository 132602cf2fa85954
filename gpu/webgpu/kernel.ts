/**
 * A kernel is a WGSL file and the TypeScript that declares its bindings. Recording it names its buffers and constants;
 * a recording is compiled once and then replayed, allocating nothing. Knows nothing of decoders.
 */
import type { Scope } from './memory.ts';

/**
 * `step` is the uniform that says which rows a dispatch works on, bound at an offset chosen at replay;
 * `shape` is the one that says how large things are, or which layer is at work, and that the recorder makes from the
 * kernel's parameters.
 */
export type BindingKind = 'read' | 'write' | 'uniform' | 'step' | 'shape';

/** Four numbers: sizes as `kernels/shape.wgsl` has them, or what the kernel's own structure says. */
export interface Shape {
  readonly rows?: number;
  readonly cols?: number;
  readonly dim?: number;
  readonly yStride?: number;
}

export interface Kernel<Binding extends string = string, Params = never> {
  readonly label: string;
  /** WGSL, preludes first. */
  readonly source: string;
  /** In the order of `@binding` numbers. */
  readonly bindings: Readonly<Record<Binding, BindingKind>>;
  /** The `override` constants. Compiled pipelines are kept by them. */
  readonly constants: (params: Params) => Readonly<Record<string, number>>;
  /** What its binding `shape` holds, if it has one. */
  readonly shape?: (params: Params) => Shape;
  /** @param segments texts among the rows; see `step.ts` */
  readonly workgroups: (
    params: Params,
    rows: number,
    segments: number,
  ) => readonly [number, number?, number?];
}

/** Declares a kernel. The types of its parameters and bindings are checked wherever it is recorded. */
export const defineKernel = <Binding extends string, Params>(
  kernel: Kernel<Binding, Params>,
): Kernel<Binding, Params> => kernel;

/** A kernel for dispatches of up to so many rows. */
export interface ForRows<Binding extends string, Params> {
  readonly upTo: number;
  readonly kernel: Kernel<Binding, Params>;
}

/** The first of several kernels, in ascending order, that takes so many rows. */
export function kernelForRows<Each extends { readonly upTo: number }>(
  kernels: readonly Each[],
  rows: number,
): Each {
  for (const each of kernels) if (rows <= each.upTo) return each;
  throw new RangeError(`no kernel for ${rows} rows was recorded`);
}

/** The buffers that a recording names: all but the shape. */
export type Buffers<Binding extends string> = Readonly<Record<Exclude<Binding, 'shape'>, Bound>>;

/** A buffer, or the part of it from an offset on: a multiple of {@link offsetStep}. */
export type Bound = GPUBuffer | { readonly buffer: GPUBuffer; readonly offset: number };

/** Every adapter accepts multiples of this as the offset of a binding, in bytes. */
export const offsetStep = 256;

interface Command {
  /** The most rows of a replay for which it stands. */
  readonly upTo: number;
  readonly kernel: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly hasStep: boolean;
  readonly workgroups: (rows: number, segments: number) => readonly [number, number?, number?];
}

/**
 * Bytes of a step in a step buffer, see `kernels/step.wgsl`: the largest alignment that any adapter requires of a dynamic
 * offset.
 */
export const stepStride = offsetStep;

/** Compiles kernels of one device, each set of constants once. */
export class KernelLibrary {
  readonly #device: GPUDevice;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** @param scope owns the buffers that the recording itself needs */
  record(scope: Scope): Recorder {
    return new Recorder(this.#device, this, scope);
  }

  layoutOf(kernel: Kernel): GPUBindGroupLayout {
    let layout = this.#layouts.get(kernel.label);
    if (!layout) {
      layout = this.#device.createBindGroupLayout({
        label: kernel.label,
        entries: Object.values(kernel.bindings).map((kind, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: bufferLayouts[kind],
        })),
      });
      this.#layouts.set(kernel.label, layout);
    }
    return layout;
  }

  /** @throws if the shader does not compile, with the compiler's words */
  pipelineOf(kernel: Kernel, constants: Readonly<Record<string, number>>): Promise<GPUComputePipeline> {
    const key = `${kernel.label} ${JSON.stringify(constants)}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(kernel, constants, key);
      pipeline.catch(() => this.#pipelines.delete(key));
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  async #compile(
    kernel: Kernel,
    constants: Readonly<Record<string, number>>,
    key: string,
  ): Promise<GPUComputePipeline> {
    let module = this.#modules.get(kernel.label);
    if (!module) {
      // The pipeline reports the module's errors. Without a scope the device would report them again later.
      this.#device.pushErrorScope('validation');
      module = this.#device.createShaderModule({ label: kernel.label, code: kernel.source });
      void this.#device.popErrorScope().catch(() => undefined);
      this.#modules.set(kernel.label, module);
    }
    try {
      return await this.#device.createComputePipelineAsync({
        label: key,
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [this.layoutOf(kernel)] }),
        compute: { module, constants: { ...constants } },
      });
    } catch (error) {
      const info = await module.getCompilationInfo();
      const messages = info.messages.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`);
      throw new Error([`The kernel ${key} does not compile.`, String(error), ...messages].join('\n'), {
        cause: error,
      });
    }
  }
}

const bufferLayouts: Readonly<Record<BindingKind, GPUBufferBindingLayout>> = {
  read: { type: 'read-only-storage' },
  write: { type: 'storage' },
  uniform: { type: 'uniform' },
  shape: { type: 'uniform' },
  step: { type: 'uniform', hasDynamicOffset: true, minBindingSize: stepStride },
};

/** Records dispatches in order. `finish` compiles them. */
export class Recorder {
  readonly #device: GPUDevice;
  readonly #library: KernelLibrary;
  readonly #scope: Scope;
  /** Of each dispatch, one for every number of rows that is handled differently. */
  readonly #commands: Promise<readonly Command[]>[] = [];

  constructor(device: GPUDevice, library: KernelLibrary, scope: Scope) {
    this.#device = device;
    this.#library = library;
    this.#scope = scope;
  }

  add<Binding extends string, Params>(
    kernel: Kernel<Binding, Params>,
    params: Params,
    buffers: Buffers<Binding>,
  ): void {
    this.addForRows([{ upTo: Infinity, kernel }], [1], params, buffers);
  }

  /**
   * Records one dispatch whose kernel the rows of a replay choose.
   *
   * @param kernels in ascending order
   * @param counts  the numbers of rows that will be replayed: only their kernels are compiled
   */
  addForRows<Binding extends string, Params>(
    kernels: readonly ForRows<Binding, Params>[],
    counts: Iterable<number>,
    params: Params,
    buffers: Buffers<Binding>,
  ): void {
    const needed = new Set(Array.from(counts, (rows) => kernelForRows(kernels, rows)));
    const commands = Promise.all(
      kernels
        .filter((each) => needed.has(each))
        .map(({ upTo, kernel }) => this.#command(kernel, params, buffers, upTo)),
    );
    commands.catch(() => undefined); // `finish` reports the rejection.
    this.#commands.push(commands);
  }

  async #command<Binding extends string, Params>(
    kernel: Kernel<Binding, Params>,
    params: Params,
    buffers: Buffers<Binding>,
    upTo: number,
  ): Promise<Command> {
    const kinds = Object.entries<BindingKind>(kernel.bindings);
    const bindGroup = this.#device.createBindGroup({
      label: kernel.label,
      layout: this.#library.layoutOf(kernel),
      entries: kinds.map(([name, kind], binding) => {
        // The keys of `bindings` are the Bindings.
        const bound: Bound =
          kind === 'shape'
            ? this.#shapeBuffer(kernel.shape?.(params) ?? {})
            : buffers[name as Exclude<Binding, 'shape'>];
        const range = 'buffer' in bound ? bound : { buffer: bound };
        return { binding, resource: kind === 'step' ? { ...range, size: stepStride } : range };
      }),
    });
    return {
      upTo,
      kernel: kernel.label,
      pipeline: await this.#library.pipelineOf(kernel, kernel.constants(params)),
      bindGroup,
      hasStep: kinds.some(([, kind]) => kind === 'step'),
      workgroups: (rows, segments) => kernel.workgroups(params, rows, segments),
    };
  }

  #shapeBuffer({ rows = 0, cols = 0, dim = 0, yStride = 0 }: Shape): GPUBuffer {
    const buffer = this.#scope.uniform(`shape-${rows}-${cols}-${dim}-${yStride}`, 16);
    this.#device.queue.writeBuffer(buffer, 0, Uint32Array.of(rows, cols, dim, yStride));
    return buffer;
  }

  async finish(): Promise<Recording> {
    return new Recording(await Promise.all(this.#commands));
  }
}

const noOffsets: number[] = [];

/** Dispatches ready to be replayed into any compute pass. */
export class Recording {
  readonly #commands: readonly (readonly Command[])[];
  readonly #offset = [0];

  constructor(commands: readonly (readonly Command[])[]) {
    this.#commands = commands;
  }

  get dispatches(): number {
    return this.#commands.length;
  }

  /**
   * @param stepOffset where in the step buffer the step lies, in bytes
   * @param rows       rows that the step covers
   * @param countsAs   the number of rows by which kernels are chosen
   * @param segments   texts among the rows
   */
  replay(pass: GPUComputePassEncoder, stepOffset = 0, rows = 1, countsAs = rows, segments = 1): void {
    this.#offset[0] = stepOffset;
    for (const commands of this.#commands) {
      this.#dispatch(pass, kernelForRows(commands, countsAs), rows, segments);
    }
  }

  /** Replays with one pass per dispatch, because timestamps are taken at the start and the end of a pass. */
  replayApart(openPass: (kernel: string) => GPUComputePassEncoder, stepOffset = 0, rows = 1): void {
    this.#offset[0] = stepOffset;
    for (const commands of this.#commands) {
      const command = kernelForRows(commands, rows);
      const pass = openPass(command.kernel);
      this.#dispatch(pass, command, rows);
      pass.end();
    }
  }

  #dispatch(pass: GPUComputePassEncoder, command: Command, rows: number, segments = 1): void {
    const [x, y, z] = command.workgroups(rows, segments);
    pass.setPipeline(command.pipeline);
    pass.setBindGroup(0, command.bindGroup, command.hasStep ? this.#offset : noOffsets);
    pass.dispatchWorkgroups(x, y, z);
  }
}
