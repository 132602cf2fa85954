import type { GpuContext } from './device.ts';

/** Work that may wait in the queue: enough to hide a read-back, little enough that a stop takes effect soon. */
const targetMs = 150;

/**
 * Decode steps that were submitted and whose tokens have yet to be read. Read-backs trail behind the steps, so that
 * the GPU never waits for one: it takes 0.5 ms in Chromium and about 100 ms in Firefox.
 */
export class StepsInFlight {
  readonly #context: GpuContext;
  readonly #buffers: readonly GPUBuffer[];
  readonly #waiting: { readonly buffer: GPUBuffer; readonly mapped: Promise<undefined> }[] = [];
  #launches = 0;
  #depth = 2;
  #lastLandingMs = 0;

  constructor(context: GpuContext, buffers: readonly GPUBuffer[]) {
    this.#context = context;
    this.#buffers = buffers;
  }

  get hasRoom(): boolean {
    return this.#waiting.length < Math.min(this.#depth, this.#buffers.length);
  }

  /** The buffer into which the next step copies its token. */
  take(): GPUBuffer {
    const buffer = this.#buffers[this.#launches % this.#buffers.length];
    if (!buffer) throw new Error('there is a read-back buffer for every step in flight');
    return buffer;
  }

  /** The step that copies into the buffer last taken was submitted. */
  launched(): void {
    const buffer = this.take();
    const mapped = buffer.mapAsync(GPUMapMode.READ);
    mapped.catch(() => undefined); // `land` or `drain` reports the rejection.
    this.#waiting.push({ buffer, mapped });
    this.#launches++;
  }

  /** The words that the oldest step left: its token, and its probabilities if asked for. */
  async land(): Promise<Uint32Array> {
    const step = this.#waiting.shift();
    if (!step) throw new Error('no step is in flight');
    await this.#context.wait(step.mapped);
    const words = new Uint32Array(step.buffer.getMappedRange()).slice();
    step.buffer.unmap();
    this.#adapt();
    return words;
  }

  #adapt(): void {
    const nowMs = performance.now();
    const tokenMs = Math.max(0.1, nowMs - this.#lastLandingMs);
    if (this.#lastLandingMs > 0) {
      const wanted = Math.min(this.#buffers.length, Math.max(2, Math.ceil(targetMs / tokenMs)));
      this.#depth += Math.sign(wanted - this.#depth);
    }
    this.#lastLandingMs = nowMs;
  }

  /** Waits for what is still in flight, and forgets it. */
  async drain(): Promise<void> {
    for (const { buffer, mapped } of this.#waiting.splice(0)) {
      await mapped.then(
        () => buffer.unmap(),
        () => undefined, // The device is lost, and `drain` reports it.
      );
    }
  }
}
