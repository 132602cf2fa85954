import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { GroupMovement } from '../../gpu/plan/movement.ts';
import type { GenerateRequest, TokenWithText } from './generate.ts';

export interface ConvergenceRequest extends Pick<GenerateRequest, 'input' | 'config' | 'kvPrecision'> {
  /** Whether to compute the exact result too, token by token, and compare. */
  readonly exact: boolean;
}

export interface Convergence {
  readonly tokens: readonly TokenWithText[];
  /** One of each group that is iterated; none where no layer reads above itself. */
  readonly groups: readonly GroupMovement[];
  /** Of parallel mode from the exact result, by position; null unless asked for. */
  readonly divergence: Divergence | null;
}

/** How far one distribution of the next token is from another, by position. */
export interface Divergence {
  /** KL(reference ‖ this) in nats. Fewer than `of` where a vocabulary is so large that not all rows were kept. */
  readonly kl: Float32Array;
  /** Whether both find the same token likeliest; as many as `kl`. */
  readonly agrees: readonly boolean[];
  /** Positions that were read. */
  readonly of: number;
}

export interface ScoreRequest extends Pick<GenerateRequest, 'input' | 'config' | 'mode' | 'kvPrecision'> {
  /** The tokens to score, not empty. */
  readonly continuation: readonly number[];
  /** Whether this is what others are compared with, or is compared with the one that was kept last. */
  readonly reference: 'keep' | 'compare';
}

export interface Score {
  readonly mode: Mode;
  /** Log-probability, in nats, of each token of the continuation. */
  readonly logProbabilities: Float32Array;
  /** From the reference; null where this is the reference. */
  readonly divergence: Divergence | null;
}
