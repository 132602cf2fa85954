import type { AdapterFacts } from '../backend.ts';
import { BackendError } from '../backend-error.ts';
import { KernelLibrary } from './kernel.ts';
import { Ledger } from './memory.ts';
import { tuningFor, type Tuning } from './tuning.ts';

/** Overrides for what the adapter would decide. For tests. */
export interface GpuOptions {
  /** How to shape kernels. A GPU's shapes also run on software adapters. */
  readonly tuning?: Tuning;
  /** Binds at most this many bytes at once, even if the adapter allows more. */
  readonly largestBindingBytes?: number;
}

/** An open GPU with its compiled kernels, its ledger, and the shapes of its kernels. */
export class GpuContext {
  readonly device: GPUDevice;
  readonly adapter: AdapterFacts;
  readonly ledger: Ledger;
  readonly kernels: KernelLibrary;
  readonly tuning: Tuning;
  /** The most bytes that one binding can show to a kernel. */
  readonly largestBindingBytes: number;
  #lost: string | undefined;
  #error: GPUError | undefined;

  constructor(device: GPUDevice, adapter: AdapterFacts, { tuning, largestBindingBytes }: GpuOptions = {}) {
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
    void device.lost.then((info) => (this.#lost = info.message || info.reason));
    device.addEventListener('uncapturederror', (event) => (this.#error ??= event.error));
  }

  /** Whether the adapter can measure time. */
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
  try {
    const device = await adapter.requestDevice({
      label: 'kvtab',
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
      // Optional, for profiling.
      requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
    });
    return new GpuContext(device, describe(adapter), options);
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
