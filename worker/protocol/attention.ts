import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { GenerateRequest, TokenWithText } from './generate.ts';

/** Asks what one token of a run's text reads. The run's own request, and what it wrote. */
export interface AttentionRequest extends Pick<
  GenerateRequest,
  'input' | 'config' | 'mode' | 'kvPrecision' | 'policy' | 'maxNewTokens'
> {
  /** The tokens that the run wrote after its prompt. */
  readonly continuation: readonly number[];
  /** Of the token, counted from the start of the prompt. */
  readonly position: number;
}

export interface TokenAttention {
  /** Of the prompt and the continuation. */
  readonly tokens: readonly TokenWithText[];
  /** Those of them that are the prompt's. */
  readonly promptTokens: number;
  readonly position: number;
  /** How the prompt was read. */
  readonly mode: Mode;
  readonly layers: readonly LayerAttention[];
}

/** What the query heads of one layer read. */
export interface LayerAttention {
  /** The layer whose keys and values it reads. */
  readonly owner: number;
  /**
   * `[heads, position + 1]`: of each head the probability of every position up to the token's own, or HIDDEN or EVICTED of
   * gpu/kv/head-attention.ts.
   */
  readonly reads: Float32Array;
  /** `[heads]`: the fraction that LESS recalls of evicted rows. */
  readonly recalled: Float32Array;
}
