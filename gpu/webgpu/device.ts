import type { AdapterFacts } from '../backend.ts';
import { BackendError } from '../backend-error.ts';
import { KernelLibrary } from './kernel.ts';
import { Ledger } from './memory.ts';
import { tuningFor, type Tuning } from './tuning.ts';

export interface GpuOptions {
  /**
   * Whether the device measures the time of its kernels, if its adapter can. Decoding has been reported to take three times
   * as long on devices that can, even where nothing is measured.
   */
  readonly profiling?: boolean;
  /** How to shape kernels, for tests. A GPU's shapes also run on software adapters. */
  readonly tuning?: Tuning;
  /** Binds at most this many bytes at once, even if the adapter allows more. For tests. */
  readonly largestBindingBytes?: number;
}

/** An open GPU with its compiled kernels, its ledger, and the shapes of its kernels. */
export class GpuContext {
  readonly device: GPUDevice;
  readonly adapter: AdapterFacts;
  readonly ledger: Ledger;
  readonly kernels: KernelLibrary;
  tuning: Tuning;
  /** The most bytes that one binding can show to a kernel. */
  readonly largestBindingBytes: number;
  /** Whether a device that is opened for profiling has a clock. */
  readonly canProfile: boolean;
  #lost: string | undefined;
  #error: GPUError | undefined;

  /** @param canProfile of the adapter */
  constructor(
    device: GPUDevice,
    adapter: AdapterFacts,
    { tuning, largestBindingBytes }: GpuOptions = {},
    canProfile = device.features.has('timestamp-query'),
  ) {
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    this.device = device;
    this.adapter = adapter;
    this.ledger = new Ledger(device);
    this.kernels = new KernelLibrary(device);
    this.tuning = tuning ?? tuningFor(adapter.software);
    this.largestBindingBytes = Math.min(
      maxBufferSize,
      maxStorageBufferBindingSize,
      largestBindingBytes ?? Infinity,
    );
    this.canProfile = canProfile;
    void device.lost.then((info) => (this.#lost = info.message || info.reason));
    device.addEventListener('uncapturederror', (event) => (this.#error ??= event.error));
  }

  /** Whether this device can measure time. */
  get hasClock(): boolean {
    return this.device.features.has('timestamp-query');
  }

  /**
   * Waits for the GPU. Throws any error that occurred on it since the last wait.
   *
   * @throws BackendError `device-lost`
   */
  async wait<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      this.#throwIfBroken();
      return result;
    } catch (error) {
      // The loss of a device may be reported a little later than the failure that it caused. A BackendError, such as
      // that of an inner wait, already says what happened.
      if (!(error instanceof BackendError)) {
        await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
      }
      this.#throwIfBroken();
      throw error;
    }
  }

  #throwIfBroken(): void {
    if (this.#lost !== undefined) throw new BackendError({ code: 'device-lost', reason: this.#lost });
    if (this.#error) {
      const { message } = this.#error;
      this.#error = undefined;
      throw new Error(`The GPU refused work: ${message}`);
    }
  }

  destroy(): void {
    this.ledger.freeAll();
    this.device.destroy();
  }
}

/**
 * Opens the GPU with the largest buffers that it offers.
 *
 * @throws BackendError `no-webgpu` if there is no WebGPU, or no adapter
 */
export async function openGpu(gpu: GPU | undefined, options?: GpuOptions): Promise<GpuContext> {
  if (!gpu) throw new BackendError({ code: 'no-webgpu', reason: 'this browser does not offer WebGPU' });
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw new BackendError({ code: 'no-webgpu', reason: 'the browser found no graphics adapter' });
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const canProfile = adapter.features.has('timestamp-query');
  try {
    const device = await adapter.requestDevice({
      label: 'kvtab',
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
      requiredFeatures: options?.profiling && canProfile ? ['timestamp-query'] : [],
    });
    return new GpuContext(device, describe(adapter), options, canProfile);
  } catch (error) {
    throw new BackendError({ code: 'no-webgpu', reason: `the adapter gives no device: ${String(error)}` });
  }
}

function describe({ info }: GPUAdapter): AdapterFacts {
  const words = [info.vendor, info.architecture, info.device, info.description];
  const software =
    info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(words.join(' '));
  return {
    backend: 'webgpu',
    vendor: info.vendor,
    description: info.description || info.device || info.architecture || 'unnamed adapter',
    software,
  };
}
