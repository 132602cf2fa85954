/**
 * A device that computes nothing and allocates nothing. The decoder records and replays on it as on a GPU, and it tells
 * what it was asked to do.
 */

/** A dispatch that was submitted. */
export interface NotedDispatch {
  readonly kernel: string;
  /** The shader's WGSL. */
  readonly source: string;
  readonly constants: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
  /** By number: what the binding holds at its offset, or null if the buffer is too large to keep. */
  readonly contents: readonly (DataView | null)[];
}

export interface CountingDevice {
  readonly device: GPUDevice;
  readonly calls: { submits: number; maps: number };
  /** Pipelines that were created, as the kernel and its constants. */
  readonly pipelines: readonly string[];
  /** What was dispatched by `work`. */
  dispatchesOf(work: () => Promise<unknown>): Promise<readonly NotedDispatch[]>;
}

/** Sizes, steps, and the row tables of a prompt of 10,000 tokens are no larger. */
const mostBytesKept = 2 ** 18;

/** What GPUs offer: no model of a bench lies in parts. */
const limits = { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 31 } as const;

/** Values of the WebGPU specification, which only a browser defines by itself. */
const constants = {
  GPUBufferUsage: {
    MAP_READ: 1,
    COPY_SRC: 4,
    COPY_DST: 8,
    UNIFORM: 64,
    STORAGE: 128,
    QUERY_RESOLVE: 512,
  },
  GPUShaderStage: { COMPUTE: 4 },
  GPUMapMode: { READ: 1 },
} as const;

const doNothing = () => undefined;

class NotedBuffer {
  readonly size: number;
  readonly #device: CountingDevice;
  #contents: Uint8Array<ArrayBuffer> | null = null;

  constructor(device: CountingDevice, size: number) {
    this.#device = device;
    this.size = size;
  }

  write(offset: number, data: Uint8Array): void {
    if (this.size > mostBytesKept) return;
    this.#contents ??= new Uint8Array(this.size);
    this.#contents.set(data, offset);
  }

  /** Copied: the next step may write another row. */
  from(offset: number): DataView | null {
    if (this.size > mostBytesKept) return null;
    return new DataView((this.#contents ?? new Uint8Array(this.size)).slice(offset).buffer);
  }

  mapAsync() {
    this.#device.calls.maps++;
    return Promise.resolve();
  }

  getMappedRange(offset = 0, size = this.size - offset) {
    return new ArrayBuffer(size);
  }

  readonly unmap = doNothing;

  readonly destroy = doNothing;
}

interface NotedPipeline {
  readonly kernel: string;
  readonly source: string;
  readonly constants: Readonly<Record<string, number>>;
}

interface NotedBinding {
  readonly buffer: NotedBuffer;
  readonly offset: number;
  /** Whether the pass adds an offset of its own. */
  readonly dynamic: boolean;
}

type NotedWork = () => NotedDispatch;

/** A compute pass: what it sets, and the dispatches so far. */
class NotedPass {
  readonly #work: NotedWork[];
  #pipeline: NotedPipeline | undefined;
  #bindings: readonly NotedBinding[] = [];
  #dynamicOffset = 0;

  constructor(work: NotedWork[]) {
    this.#work = work;
  }

  setPipeline(pipeline: NotedPipeline) {
    this.#pipeline = pipeline;
  }

  setBindGroup(_group: number, bindings: readonly NotedBinding[], [offset = 0]: readonly number[] = []) {
    this.#bindings = bindings;
    this.#dynamicOffset = offset;
  }

  dispatchWorkgroups(x: number, y = 1, z = 1) {
    const [pipeline, bindings, dynamicOffset] = [this.#pipeline, this.#bindings, this.#dynamicOffset];
    if (!pipeline) throw new Error('a pass dispatches without a pipeline');
    this.#work.push(() => ({
      ...pipeline,
      workgroups: [x, y, z],
      contents: bindings.map(({ buffer, offset, dynamic }) =>
        buffer.from(offset + (dynamic ? dynamicOffset : 0)),
      ),
    }));
  }

  readonly end = doNothing;
}

/** Opens a device whose dispatches can be counted. */
export function openCountingDevice(): CountingDevice {
  for (const [name, values] of Object.entries(constants)) {
    if (!(name in globalThis)) Object.assign(globalThis, { [name]: values });
  }
  const calls = { submits: 0, maps: 0 };
  const pipelines: string[] = [];
  let noted: NotedDispatch[] | null = null;

  const queue = {
    writeBuffer(
      buffer: NotedBuffer,
      offset: number,
      data: ArrayBufferView & { readonly BYTES_PER_ELEMENT: number },
      dataOffset = 0,
      count?: number,
    ) {
      const begin = data.byteOffset + dataOffset * data.BYTES_PER_ELEMENT;
      const bytes =
        count === undefined
          ? data.byteLength - dataOffset * data.BYTES_PER_ELEMENT
          : count * data.BYTES_PER_ELEMENT;
      buffer.write(offset, new Uint8Array(data.buffer, begin, bytes));
    },
    submit(commands: readonly (readonly NotedWork[])[]) {
      calls.submits++;
      // Now, because a step's buffers hold what they held when it was submitted.
      noted?.push(...commands.flat().map((dispatch) => dispatch()));
    },
    onSubmittedWorkDone: () => Promise.resolve(),
  };

  const device = {
    limits,
    features: new Set<string>(),
    lost: new Promise<never>(() => undefined),
    queue,
    addEventListener: doNothing,
    pushErrorScope: doNothing,
    popErrorScope: () => Promise.resolve(null),
    createBuffer: ({ size }: GPUBufferDescriptor) => new NotedBuffer(counting, size),
    createBindGroupLayout: ({ entries }: GPUBindGroupLayoutDescriptor) =>
      [...entries].map(({ buffer }) => buffer?.hasDynamicOffset === true),
    createBindGroup: ({
      layout,
      entries,
    }: {
      readonly layout: readonly boolean[];
      readonly entries: readonly {
        readonly resource: { readonly buffer: NotedBuffer; readonly offset?: number };
      }[];
    }): readonly NotedBinding[] =>
      entries.map(({ resource: { buffer, offset = 0 } }, binding) => ({
        buffer,
        offset,
        dynamic: layout[binding] === true,
      })),
    createPipelineLayout: () => ({}),
    createShaderModule: (module: GPUShaderModuleDescriptor) => module,
    createComputePipelineAsync: ({
      compute: { module, constants: set = {} },
    }: {
      readonly compute: {
        readonly module: GPUShaderModuleDescriptor;
        readonly constants?: Readonly<Record<string, number>>;
      };
    }): Promise<NotedPipeline> => {
      pipelines.push(`${module.label ?? ''} ${JSON.stringify(set)}`);
      return Promise.resolve({ kernel: module.label ?? '', source: module.code, constants: set });
    },
    createCommandEncoder() {
      const work: NotedWork[] = [];
      return {
        beginComputePass: () => new NotedPass(work),
        copyBufferToBuffer: doNothing,
        clearBuffer: doNothing,
        finish: () => work,
      };
    },
    destroy: doNothing,
  };

  const counting: CountingDevice = {
    // It has what the decoder uses of a device, and no more.
    device: device as unknown as GPUDevice,
    calls,
    pipelines,
    async dispatchesOf(work) {
      const mine: NotedDispatch[] = (noted = []);
      try {
        await work();
        return mine;
      } finally {
        noted = null;
      }
    },
  };
  return counting;
}
