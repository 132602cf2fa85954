import type { TokenLikelihood, WantedToken } from '../plan/token-likelihood.ts';
import type { Forward } from './forward.ts';
import { stepStride, type Recording } from './kernel.ts';
import { likelihood } from './kernels/likelihood.ts';
import type { Scope } from './memory.ts';
import { packSteps } from './step.ts';

/** 32-bit words of `Likelihood` of `kernels/likelihood.wgsl`. */
export const likelihoodWords = 4;

/** Wanted tokens as `kernels/likelihood.wgsl` reads them: the row of logits, and the token. */
export const packWanted = (wanted: readonly (readonly [row: number, token: number])[]) =>
  Uint32Array.from(wanted.flat());

/**
 * `Likelihood`s as numbers.
 *
 * @returns null for a token in whose row some logit is not finite
 */
export function readLikelihoods(words: Uint32Array): (TokenLikelihood | null)[] {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  return Array.from({ length: words.length / likelihoodWords }, (_, i) => {
    const at = i * likelihoodWords;
    const [maximum = 0, sum = 1, logit = 0] = floats.subarray(at, at + likelihoodWords);
    const rank = words[at + likelihoodWords - 1] ?? 0;
    return rank === 0 ? null : { logProbability: logit - maximum - Math.log(sum), rank };
  });
}

/** Rows of logits that are computed together: their positions in the turn. */
interface LogitsRun {
  readonly first: number;
  readonly count: number;
}

/** The wanted tokens of one turn: computed run by run from the logits, and read back once at the end. */
export class LikelihoodReader {
  readonly #forward: Pick<Forward, 'context'>;
  readonly #wanted: readonly WantedToken[];
  readonly #runs: readonly (LogitsRun & { readonly firstWanted: number; readonly tokens: number })[];
  readonly #recording: Recording;
  readonly #likelihoods: GPUBuffer;
  readonly #staging: GPUBuffer;

  /**
   * @param wanted in the order of their positions
   * @param runs   the runs of positions whose logits will lie in `logits` when their turn comes; they cover all positions
   * @param scope  owns everything
   */
  static async open(
    forward: Pick<Forward, 'context' | 'dims'>,
    scope: Scope,
    wanted: readonly WantedToken[],
    runs: readonly LogitsRun[],
    logits: GPUBuffer,
  ): Promise<LikelihoodReader> {
    const { context, dims } = forward;
    let next = 0;
    const placed = runs.map(({ first, count }) => {
      const firstWanted = next;
      while (next < wanted.length && (wanted[next]?.position ?? 0) < first + count) next++;
      return { first, count, firstWanted, tokens: next - firstWanted };
    });
    const rows = placed.flatMap(({ first, firstWanted, tokens }) =>
      wanted
        .slice(firstWanted, firstWanted + tokens)
        .map(({ position, token }) => [position - first, token] as const),
    );
    const packed = packWanted(rows);
    const steps = packSteps(
      placed.map(({ firstWanted, tokens }) => ({ rows: tokens, firstRow: firstWanted, windowTokens: 0 })),
    );
    const wantedBuffer = scope.storage('wanted tokens', packed.byteLength);
    const stepsBuffer = scope.uniform('steps of wanted tokens', steps.byteLength);
    const bytes = 4 * likelihoodWords * wanted.length;
    const likelihoods = scope.storage('likelihoods', bytes);
    const staging = scope.staging('likelihoods read-back', bytes);
    await scope.settled();
    context.device.queue.writeBuffer(wantedBuffer, 0, packed);
    context.device.queue.writeBuffer(stepsBuffer, 0, steps);
    const recorder = context.kernels.record(scope);
    recorder.add(
      likelihood,
      { vocabSize: dims.vocabSize, workgroup: context.tuning.sampleWorkgroup },
      { logits, wanted: wantedBuffer, likelihoods, step: stepsBuffer },
    );
    return new LikelihoodReader(forward, wanted, placed, await recorder.finish(), likelihoods, staging);
  }

  private constructor(
    forward: Pick<Forward, 'context'>,
    wanted: readonly WantedToken[],
    runs: readonly (LogitsRun & { readonly firstWanted: number; readonly tokens: number })[],
    recording: Recording,
    likelihoods: GPUBuffer,
    staging: GPUBuffer,
  ) {
    this.#forward = forward;
    this.#wanted = wanted;
    this.#runs = runs;
    this.#recording = recording;
    this.#likelihoods = likelihoods;
    this.#staging = staging;
  }

  /** Adds the work of one run to a pass, behind the dispatches that compute its logits. */
  replay(pass: GPUComputePassEncoder, run: number): void {
    const tokens = this.#runs[run]?.tokens ?? 0;
    if (tokens > 0) this.#recording.replay(pass, run * stepStride, tokens);
  }

  /**
   * Reads all likelihoods back.
   *
   * @returns in the order of the wanted tokens; null for one in whose row some logit is not finite
   */
  async read(): Promise<readonly (TokenLikelihood | null)[]> {
    const { context } = this.#forward;
    const bytes = 4 * likelihoodWords * this.#wanted.length;
    const encoder = context.device.createCommandEncoder({ label: 'likelihoods' });
    encoder.copyBufferToBuffer(this.#likelihoods, 0, this.#staging, 0, bytes);
    context.device.queue.submit([encoder.finish()]);
    await context.wait(this.#staging.mapAsync(GPUMapMode.READ));
    const words = new Uint32Array(this.#staging.getMappedRange(0, bytes).slice(0));
    this.#staging.unmap();
    return readLikelihoods(words);
  }
}
