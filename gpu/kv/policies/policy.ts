import type { LessKernels } from './less-kernels.ts';

/**
 * What a cache keeps. The semantics are in docs/policies.md. A policy is plain data, which crosses to the worker; what
 * it does is in the file of its kind, and `policies.ts` lists the kinds.
 */
export interface Policy {
  readonly id: string;
  /** The first positions of a text that always stay. */
  readonly sinks: number;
  /** The newest rows that always stay; null if the percents say it. */
  readonly recent: number | null;
  /** Older rows that stay for their scores; null if the percents say it. */
  readonly heavy: number | null;
  /** All rows, for a policy that knows only one number; null if the percents say it. */
  readonly rows: number | null;
  /** The budget as a percentage of the text when its latest prompt ended; null if the rows are given. */
  readonly cachePercent: number | null;
  /** The percentage of the budget that is recent. */
  readonly recentPercent: number;
  /** The temperature of Keyformer's softmax: `tauInit` for a prompt, and `tauDelta` more for each token after it. */
  readonly tauInit: number;
  readonly tauDelta: number;
  /** Of Keyformer's noise, 32 bits. */
  readonly seed: number;
  readonly positions: PolicyPositions;
  /** A prompt is read in pieces of so many tokens, with a cut after each; null to read it whole. */
  readonly chunk: number | null;
  /** The id of the kind that decides for LESS; null for every other policy. */
  readonly sparse: string | null;
  /** The file with the kernels of LESS; null for every other policy. */
  readonly kernels: string | null;
}

/**
 * What rotates keys and queries: their places in the text, which leave holes where rows were evicted, or their ranks
 * among the rows held.
 */
export type PolicyPositions = 'absolute' | 'cache';

/** How many rows of a KV head a cut leaves: those that are protected by their position, and others by their score. */
export interface Budget {
  readonly sinks: number;
  readonly recent: number;
  readonly heavy: number;
}

/** What a row's score is made of. */
export type Scoring =
  | {
      readonly from: 'attention';
      /** Whether Keyformer's noise and temperature go into the probabilities. */
      readonly noisy: boolean;
      /** Whether probabilities add up over queries, or only the newest query counts. */
      readonly accumulates: boolean;
      /** Whether the KV heads of a store are decided together. */
      readonly jointHeads: boolean;
    }
  /** A number that the key alone decides. */
  | { readonly from: 'key'; readonly scoreOf: (key: Float32Array) => number };

/** The numbers by which policies are set. `fields.ts` says what each may be. */
export type PolicyField =
  | 'sinks'
  | 'recent'
  | 'heavy'
  | 'rows'
  | 'cachePercent'
  | 'recentPercent'
  | 'tauInit'
  | 'tauDelta'
  | 'seed';

/** What the page says of a policy, in sentences. */
export interface PolicyWords {
  readonly keeps: string;
  readonly loses: string;
  /** Where the published code differs from the paper or from kvtab; null if it does not. */
  readonly published: string | null;
}

/** A kind of policy: its fields and defaults, how many rows it keeps, and how it chooses them. */
export interface PolicyKind {
  readonly id: string;
  /** What people call it. */
  readonly label: string;
  readonly words: PolicyWords;
  /** Its fields apart from `chunk`, in the order of a form. */
  readonly fields: readonly PolicyField[];
  /** Which positions it may have, the default first. */
  readonly positions: readonly PolicyPositions[];
  /** What a field that is left out becomes. */
  defaults(context: PolicyContext): Partial<Policy>;
  /**
   * Rows of a KV head that a cut leaves; null to leave all.
   *
   * @param textTokens the length of the text when its latest prompt ended
   */
  budget(policy: Policy, textTokens: number): Budget | null;
  /** Null if positions alone decide. */
  readonly scoring: Scoring | null;
}

/** What some defaults depend on. */
export interface PolicyContext {
  readonly contextTokens: number;
  readonly maxNewTokens: number;
}

/** A policy for one text. */
export interface PolicyOptions {
  readonly policy: Policy;
  /** Whether scores are kept even if the policy decides without them. */
  readonly scored: boolean;
  /** The longest text at the end of a prompt: what a budget in percent is taken of. */
  readonly promptTokens: number;
  /** What LESS computes with; null for every other policy. */
  readonly kernels: LessKernels | null;
}
