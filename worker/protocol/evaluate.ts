import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { GroupMovement } from '../../gpu/plan/movement.ts';
import type { GenerateRequest, TokenWithText } from './generate.ts';

export interface ConvergenceRequest extends Pick<
  GenerateRequest,
  'input' | 'config' | 'freeze' | 'kvPrecision' | 'policy'
> {
  /** Whether to compute the exact result too, token by token, and compare. */
  readonly exact: boolean;
}

export interface Convergence {
  readonly tokens: readonly TokenWithText[];
  /** One per iterated group; empty if no layer reads above itself. */
  readonly groups: readonly GroupMovement[];
  /** From the exact result to that of parallel mode, by position; null unless asked for. */
  readonly divergence: Divergence | null;
}

/** How far one distribution of the next token is from another, by position. */
export interface Divergence {
  /** KL(reference ‖ this) in nats. Fewer than `of` if the vocabulary is so large that not all rows were kept. */
  readonly kl: Float32Array;
  /** Whether both have the same likeliest token; as many as `kl`. */
  readonly agrees: readonly boolean[];
  /** Positions that were read. */
  readonly of: number;
}

export interface ScoreRequest extends Pick<
  GenerateRequest,
  'input' | 'config' | 'mode' | 'freeze' | 'kvPrecision' | 'policy' | 'maxNewTokens'
> {
  /** The tokens to score, not empty. */
  readonly continuation: readonly number[];
  /** Whether to keep this score as the reference for later ones, or to compare it with the last reference. */
  readonly reference: 'keep' | 'compare';
}

export interface Score {
  readonly mode: Mode;
  /** Log-probability, in nats, of each token of the continuation. */
  readonly logProbabilities: Float32Array;
  /** From the reference; null if this is the reference. */
  readonly divergence: Divergence | null;
}
