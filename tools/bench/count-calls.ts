const watched = {
  queueSubmit: ['GPUQueue', 'submit'],
  writeBuffer: ['GPUQueue', 'writeBuffer'],
  beginComputePass: ['GPUCommandEncoder', 'beginComputePass'],
  dispatchWorkgroups: ['GPUComputePassEncoder', 'dispatchWorkgroups'],
  mapAsync: ['GPUBuffer', 'mapAsync'],
  createBuffer: ['GPUDevice', 'createBuffer'],
  createBindGroup: ['GPUDevice', 'createBindGroup'],
  createComputePipeline: ['GPUDevice', 'createComputePipelineAsync'],
} as const;

export type Counts = Record<keyof typeof watched, number>;

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Counts the calls of the real device's methods from now on. The methods still do their work. */
export function countCalls(device: GPUDevice): { readonly counts: Counts; stop(): void } {
  const counts = Object.fromEntries(Object.keys(watched).map((name) => [name, 0])) as Counts;
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  const buffer = device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ });
  const prototypes: Record<string, object> = {
    GPUBuffer: prototypeWith(buffer, 'mapAsync'),
    GPUDevice: prototypeWith(device, 'createBuffer'),
    GPUQueue: prototypeWith(device.queue, 'submit'),
    GPUCommandEncoder: prototypeWith(encoder, 'beginComputePass'),
    GPUComputePassEncoder: prototypeWith(pass, 'dispatchWorkgroups'),
  };
  pass.end();
  encoder.finish();
  buffer.destroy();

  const restores = Object.entries(watched).map(([name, [type, method]]) => {
    const prototype = prototypes[type] as Record<string, Method>;
    const original = prototype[method] as Method;
    prototype[method] = function (...args) {
      counts[name as keyof Counts]++;
      return original.apply(this, args);
    };
    return () => {
      prototype[method] = original;
    };
  });
  return {
    counts,
    stop: () => {
      for (const restore of restores) restore();
    },
  };
}

/** The prototype that defines a method. */
function prototypeWith(object: object, method: string): object {
  let prototype: object | null = object;
  while (prototype && !Object.hasOwn(prototype, method))
    prototype = Object.getPrototypeOf(prototype) as object | null;
  if (!prototype) throw new Error(`there is no method ${method}`);
  return prototype;
}
