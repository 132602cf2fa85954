import { requestGpu } from '#platform';
import { adapterOrFail } from './adapter-or-fail.ts';

let shared: Promise<GPU> | undefined;

/** WebGPU as {@link withSharedDevices} gives it, one for all files of a run, or an error if it has no adapter. */
export const sharedGpu = (): Promise<GPU> => (shared ??= requestGpu().then((gpu) => withSharedDevices(gpu)));

type Key = string;

/** A device of a run, and what was compiled for it. */
interface Shared {
  readonly device: GPUDevice;
  readonly modules: Map<string, GPUShaderModule>;
  readonly pipelines: Map<Key, Promise<GPUComputePipeline>>;
}

/**
 * The same WebGPU, whose devices outlive those who opened them: destroying one hands it to the next who asks for
 * a device with the same limits and features. A pipeline is compiled once for all of them, because software adapters
 * compile most of the time. Errors, losses and memory are those of the device itself.
 */
function withSharedDevices(gpu: GPU): GPU {
  const devices = new Map<Key, Promise<Shared>>();
  const requestAdapter = async () => {
    const adapter = await adapterOrFail(gpu, 'to share a device');
    const requestDevice = async (descriptor?: GPUDeviceDescriptor) => {
      const key = JSON.stringify([descriptor?.requiredFeatures ?? [], descriptor?.requiredLimits ?? {}]);
      let shared = devices.get(key);
      if (!shared) {
        shared = adapter.requestDevice(descriptor).then((device) => {
          void device.lost.then(() => devices.delete(key));
          return { device, modules: new Map<string, GPUShaderModule>(), pipelines: new Map() };
        });
        shared.catch(() => devices.delete(key));
        devices.set(key, shared);
      }
      return lend(await shared);
    };
    return { features: adapter.features, limits: adapter.limits, info: adapter.info, requestDevice };
  };
  return { requestAdapter } as unknown as GPU; // all that opening a device uses
}

/** The device, until it is destroyed. */
function lend({ device, modules, pipelines }: Shared): GPUDevice {
  let giveBack: (lost: Pick<GPUDeviceLostInfo, 'reason' | 'message'>) => void = () => undefined;
  const givenBack = new Promise<Pick<GPUDeviceLostInfo, 'reason' | 'message'>>((done) => (giveBack = done));
  const own = {
    lost: Promise.race([device.lost, givenBack]),
    destroy: () => {
      for (const [type, listener] of listeners.splice(0)) device.removeEventListener(type, listener);
      giveBack({ reason: 'destroyed', message: 'The test gave the device back.' });
    },
    addEventListener: (type: string, listener: EventListener) => {
      listeners.push([type, listener]);
      device.addEventListener(type, listener);
    },
    createShaderModule: (descriptor: GPUShaderModuleDescriptor) => {
      const module = modules.get(descriptor.code) ?? device.createShaderModule(descriptor);
      modules.set(descriptor.code, module);
      parts.set(module, descriptor.code);
      return module;
    },
    createBindGroupLayout: (descriptor: GPUBindGroupLayoutDescriptor) => {
      const layout = device.createBindGroupLayout(descriptor);
      parts.set(layout, JSON.stringify(descriptor.entries));
      return layout;
    },
    createPipelineLayout: (descriptor: GPUPipelineLayoutDescriptor) => {
      const layout = device.createPipelineLayout(descriptor);
      parts.set(layout, [...descriptor.bindGroupLayouts].map((each) => each && parts.get(each)).join());
      return layout;
    },
    createComputePipelineAsync: (descriptor: GPUComputePipelineDescriptor) => {
      const { layout, compute } = descriptor;
      const { module, ...rest } = compute;
      const key = [parts.get(module), parts.get(layout as GPUPipelineLayout), JSON.stringify(rest)].join(
        '\n',
      );
      let pipeline = pipelines.get(key);
      if (!pipeline) {
        pipeline = device.createComputePipelineAsync(descriptor);
        pipeline.catch(() => pipelines.delete(key));
        pipelines.set(key, pipeline);
      }
      return pipeline;
    },
  };
  const listeners: [string, EventListener][] = [];
  /** What a module or a layout was made of. */
  const parts = new WeakMap<object, string>();
  return new Proxy(device, {
    get: (target, name) => {
      if (Object.hasOwn(own, name)) return own[name as keyof typeof own];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
