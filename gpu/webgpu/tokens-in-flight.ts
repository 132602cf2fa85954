import type { GpuContext } from './device.ts';
import { MAX_STEPS_IN_FLIGHT } from '../kv/usage.ts';
import type { KvStores } from '../kv/stores.ts';
import { probabilitiesWords } from './read-probabilities.ts';

/** Work that may wait in the queue: enough to hide a read-back, which takes 0.5 ms in Chromium and 100 ms in Firefox. */
const targetMs = 150;

/** Where every row of KV has a place of its own. */
const mostStepsInFlight = 32;

/** Read-backs that trail behind the steps, once tokens share one. */
const readBacksInFlight = 3;

/** Steps whose tokens are read back together. */
interface Group {
  readonly buffer: GPUBuffer;
  readonly mapped: Promise<undefined>;
  readonly steps: number;
}

/**
 * Decode steps that were submitted and whose tokens have yet to be read. The faster the steps, the more of them are in
 * flight, and the more tokens share a read-back: each is a round trip through the browser. The first tokens come alone.
 */
export class TokensInFlight {
  readonly #context: GpuContext;
  readonly #buffers: readonly GPUBuffer[];
  readonly #stepBytes: number;
  readonly #mostSteps: number;
  /** Whether times are asked for token by token. */
  readonly #alone: boolean;
  readonly #waiting: Group[] = [];
  #inFlight = 0;
  #groups = 0;
  /** Steps whose tokens are copied to the buffer of the group at hand. */
  #filled = 0;
  #depth = 2;
  readonly #landings: { readonly ms: number; readonly steps: number }[] = [];

  /** @param alone whether every token has a read-back of its own, because its time is asked for */
  constructor(
    context: GpuContext,
    {
      readBacks,
      stepBytes,
      stepsInFlight,
      alone,
    }: {
      readonly readBacks: readonly GPUBuffer[];
      readonly stepBytes: number;
      readonly stepsInFlight: number;
      readonly alone: boolean;
    },
  ) {
    this.#context = context;
    this.#buffers = readBacks;
    this.#stepBytes = stepBytes;
    this.#mostSteps = stepsInFlight;
    this.#alone = alone;
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.#depth && this.#waiting.length < this.#buffers.length;
  }

  /** Where the next step copies what it leaves. */
  get place(): { readonly buffer: GPUBuffer; readonly offset: number } {
    const buffer = this.#buffers[this.#groups % this.#buffers.length];
    if (!buffer) throw new Error('there is no read-back buffer');
    return { buffer, offset: this.#filled * this.#stepBytes };
  }

  /**
   * The step that copies to the place last taken was submitted.
   *
   * @param isLast whether no other step follows
   */
  launched(isLast: boolean): void {
    this.#inFlight++;
    this.#filled++;
    if (isLast || this.#alone || this.#filled >= groupOf(this.#depth)) this.#read();
  }

  #read(): void {
    if (this.#filled === 0) return;
    const { buffer } = this.place;
    const mapped = buffer.mapAsync(GPUMapMode.READ, 0, this.#filled * this.#stepBytes);
    mapped.catch(() => undefined); // `land` or `drain` reports the rejection.
    this.#waiting.push({ buffer, mapped, steps: this.#filled });
    this.#groups++;
    this.#filled = 0;
  }

  /** The words that the oldest steps left, one array for each. */
  async land(): Promise<readonly Uint32Array[]> {
    if (this.#waiting.length < readBacksInFlight) this.#read();
    const group = this.#waiting.shift();
    if (!group) throw new Error('no step is in flight');
    const { buffer, mapped, steps } = group;
    await this.#context.wait(mapped);
    const words = new Uint32Array(buffer.getMappedRange(0, steps * this.#stepBytes)).slice();
    buffer.unmap();
    this.#inFlight -= steps;
    this.#adapt(steps);
    const wordsOfStep = this.#stepBytes / 4;
    return Array.from({ length: steps }, (_, i) => words.subarray(i * wordsOfStep, (i + 1) * wordsOfStep));
  }

  #adapt(steps: number): void {
    const nowMs = performance.now();
    this.#landings.push({ ms: nowMs, steps });
    // Read-backs that were asked for together may land together: all of them count.
    if (this.#landings.length > readBacksInFlight + 1) this.#landings.shift();
    const [first, ...later] = this.#landings;
    if (!first || later.length === 0) return;
    const landed = later.reduce((sum, landing) => sum + landing.steps, 0);
    const stepMs = Math.max(0.1, (nowMs - first.ms) / landed);
    const wanted = Math.min(this.#mostSteps, Math.max(2, Math.ceil(targetMs / stepMs)));
    // By no more than what has just been measured.
    this.#depth += Math.max(-steps, Math.min(steps, wanted - this.#depth));
  }

  /** Waits for what is still in flight. No step may be launched afterwards. */
  async drain(): Promise<void> {
    for (const { buffer, mapped } of this.#waiting.splice(0)) {
      await mapped.then(
        () => buffer.unmap(),
        () => undefined, // The device is lost, and the next wait reports it.
      );
    }
  }
}

/** Steps that share a read-back while so many are in flight. */
const groupOf = (depth: number) => Math.ceil(depth / readBacksInFlight);

/** Read-back buffers, and the steps for which each has room, if at most so many steps are in flight. */
export const roomOf = (mostSteps: number) => ({ buffers: 8, steps: groupOf(mostSteps) });

/** What a step leaves: its token and, if asked for, its probabilities. */
export const stepBytesOf = (probabilities: boolean) => (probabilities ? 4 + 4 * probabilitiesWords : 4);

/** Steps that may be in flight: where every position has a slot of its own, one that is thrown away overwrites nothing. */
export const stepsInFlightOf = ({ caches }: Pick<KvStores, 'caches'>) =>
  caches.every(({ slots }) => slots.kind === 'linear') ? mostStepsInFlight : MAX_STEPS_IN_FLIGHT;
