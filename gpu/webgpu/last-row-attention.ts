import type { HeadAttention, OnAttention } from '../kv/head-attention.ts';
import { softmax } from '../kv/policies/attention-probabilities.ts';
import type { LayerType } from '../plan/layer-types.ts';
import { storeOf } from './decode.ts';
import type { StepForward } from './forward.ts';
import type { Recording } from './kernel.ts';
import { SEEN_WORDS, seenHeldScores, seenScores, UNSEEN } from './kernels/seen-scores.ts';
import { attention } from './layer-params.ts';
import type { Scope } from './memory.ts';
import type { Job } from './pacer.ts';
import type { PrefillBuffers } from './prefill-layer.ts';
import { replayStep, type PrefillStep } from './prefill-steps.ts';

// Loaded only for a prefill whose last row's attention is wanted.

/** What is read back of a layer. */
interface Watched {
  readonly keys: number;
  /** `[heads, keys]` of positions and scores. */
  readonly seen: GPUBuffer;
  /** `vec4f [heads]`: maxima and sums by which attention divided, the state of LESS included. Null without LESS. */
  readonly sums: GPUBuffer | null;
}

/** What the last row of a turn reads, layer by layer: the scores of its queries, taken where attention took them. */
export class LastRowAttention {
  readonly #forward: StepForward;
  readonly #scope: Scope;
  readonly #buffers: PrefillBuffers;
  readonly #position: number;
  readonly #layers = new Map<number, Watched>();
  /** By the layer, and by the row of the step that asks: a block's last, or the only one of a step. */
  readonly #recordings = new Map<string, Recording>();

  /**
   * @param position of the row
   * @param rows     the numbers of rows of steps that may end with it
   */
  static async open(
    forward: StepForward,
    scope: Scope,
    buffers: PrefillBuffers,
    position: number,
    rows: ReadonlySet<number>,
  ): Promise<LastRowAttention> {
    const watch = new LastRowAttention(forward, scope, buffers, position);
    const { layers } = forward.sharing;
    await Promise.all(layers.flatMap((layer) => [...rows].map((count) => watch.#record(layer, count - 1))));
    await scope.settled();
    return watch;
  }

  private constructor(forward: StepForward, scope: Scope, buffers: PrefillBuffers, position: number) {
    this.#forward = forward;
    this.#scope = scope;
    this.#buffers = buffers;
    this.#position = position;
  }

  /** After the attention of a layer in its last pass, before anything else takes the place of its queries. */
  after(layer: number, step: PrefillStep): readonly Job[] {
    const row = step.rows - 1;
    const recording = this.#recordings.get(`${layer} ${row}`);
    const sums = this.#layers.get(layer)?.sums;
    if (!recording) throw new RangeError(`no recording of row ${row} of layer ${layer}`);
    const { heads, headDim } = this.#forward.dims;
    // Behind all rows of the step: see STATS in attend.wgsl.
    const from = 4 * (step.rows * heads * headDim + 4 * row * heads);
    return [
      {
        work: 0,
        dispatch: (pass) => {
          replayStep(recording, pass, step);
        },
      },
      ...(sums
        ? [
            {
              work: 0,
              copy: (encoder: GPUCommandEncoder) => {
                encoder.copyBufferToBuffer(this.#buffers.attended, from, sums, 0, 16 * heads);
              },
            },
          ]
        : []),
    ];
  }

  /** Reads everything back, layer by layer. */
  async read(onAttention: OnAttention): Promise<void> {
    const { heads } = this.#forward.dims;
    for (const { index } of this.#forward.sharing.layers) {
      const watched = this.#layers.get(index);
      if (!watched) continue;
      const { keys, seen, sums } = watched;
      const words = new Uint32Array(await this.#readBack(seen, 4 * SEEN_WORDS * heads * keys));
      const divisors = sums && new Float32Array(await this.#readBack(sums, 16 * heads));
      onAttention(
        index,
        Array.from({ length: heads }, (_, head) =>
          headOf(
            words.subarray(SEEN_WORDS * keys * head, SEEN_WORDS * keys * (head + 1)),
            divisors?.subarray(4 * head, 4 * head + 2) ?? null,
          ),
        ),
      );
    }
  }

  async #record(layer: LayerType, row: number): Promise<void> {
    const { context, session } = this.#forward;
    const { steps: step, q } = this.#buffers;
    const store = storeOf(this.#buffers, layer.readsFrom);
    const held = this.#buffers.held?.get(layer.readsFrom);
    const watched = this.#watch(layer, held?.slots ?? this.#position + 1);
    const asked = { ...attention(this.#forward, layer, 1), row, keys: watched.keys };
    const bound = { q, kv: store.buffer, seen: watched.seen, rows: store.rows, step, rope: session.rope };
    const recorder = context.kernels.record(this.#scope);
    if (held) {
      const ranked = session.eviction?.ranked ?? false;
      recorder.add(seenHeldScores, { ...asked, ranked }, { ...bound, held: held.held });
    } else {
      recorder.add(seenScores, asked, { ...bound, held: session.rope });
    }
    this.#recordings.set(`${layer.index} ${row}`, await recorder.finish());
  }

  #watch({ index, readsFrom, windowed }: LayerType, keys: number): Watched {
    const { heads } = this.#forward.dims;
    const recalls = !windowed && (this.#forward.session.eviction?.less?.hasState(readsFrom) ?? false);
    const watched = this.#layers.get(index) ?? {
      keys,
      seen: this.#scope.storage(`seen/layer-${index}`, 4 * SEEN_WORDS * heads * keys),
      sums: recalls ? this.#scope.storage(`attention sums/layer-${index}`, 16 * heads) : null,
    };
    this.#layers.set(index, watched);
    return watched;
  }

  async #readBack(from: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const { context } = this.#forward;
    const staging = this.#scope.staging('attention read-back', bytes);
    await this.#scope.settled();
    const encoder = context.device.createCommandEncoder({ label: 'attention' });
    encoder.copyBufferToBuffer(from, 0, staging, 0, bytes);
    context.device.queue.submit([encoder.finish()]);
    await context.wait(staging.mapAsync(GPUMapMode.READ));
    const copy = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    return copy;
  }
}

/**
 * @param words   positions and scores of the keys
 * @param divisor the maximum and the sum by which attention divided; null if they are those of the keys
 */
function headOf(words: Uint32Array, divisor: Float32Array | null): HeadAttention {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const positions: number[] = [];
  const scores: number[] = [];
  for (let at = 0; at < words.length; at += SEEN_WORDS) {
    const position = words[at] ?? UNSEEN;
    if (position === UNSEEN) continue;
    positions.push(position);
    scores.push(floats[at + 1] ?? 0);
  }
  if (!divisor) return { positions, probabilities: softmax(Float32Array.from(scores)), recalled: 0 };
  const [most = 0, sum = 0] = divisor;
  if (sum === 0) return { positions, probabilities: new Float32Array(), recalled: 0 };
  const probabilities = Float32Array.from(scores, (score) => Math.exp(score - most) / sum);
  return {
    positions,
    probabilities,
    recalled: Math.max(0, 1 - probabilities.reduce((all, each) => all + each, 0)),
  };
}
