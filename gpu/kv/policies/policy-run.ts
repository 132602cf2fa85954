import { received } from './h2o.ts';
import { decidingKind, policyKind } from './policies.ts';
import type { Budget, Policy, Scoring } from './policy.ts';

/** A policy at work on one text: its budget, which a percentage of the prompt may decide, and Keyformer's temperature. */
export class PolicyRun {
  readonly policy: Policy;
  /** How rows are scored; null if nothing asks for scores. */
  readonly scoring: Scoring | null;
  #budget: Budget | null = null;
  #fed = 0;

  /** @param scored whether scores are wanted even if the policy decides without them: those of H2O */
  constructor(policy: Policy, scored: boolean) {
    this.policy = policy;
    this.scoring = decidingKind(policy).scoring ?? (scored && policy.id !== 'none' ? received : null);
  }

  /** Whether probabilities add up over queries. */
  get accumulates(): boolean {
    return this.scoring?.from === 'attention' && this.scoring.accumulates;
  }

  /** Whether only the newest query's probabilities count. */
  get newestOnly(): boolean {
    return this.scoring?.from === 'attention' && !this.scoring.accumulates;
  }

  /** Whether Keyformer's noise and temperature go into the probabilities. */
  get noisy(): boolean {
    return this.scoring?.from === 'attention' && this.scoring.noisy;
  }

  /** Whether the KV heads of a store are decided together. */
  get jointHeads(): boolean {
    return this.scoring?.from === 'attention' && this.scoring.jointHeads;
  }

  /** The budget since the latest prompt ended; null if everything stays. */
  get budget(): Budget | null {
    return this.#budget;
  }

  /** Keyformer's temperature for the current query. */
  get tau(): number {
    return this.policy.tauInit + this.#fed * this.policy.tauDelta;
  }

  /** A prompt is about to be read. */
  promptStarts(): void {
    this.#fed = 0;
  }

  /** A prompt was read, and the text now has so many tokens. */
  promptEnded(textTokens: number): void {
    this.#budget = policyKind(this.policy.id).budget(this.policy, textTokens);
  }

  /** A token is about to be fed while decoding. */
  tokenFed(): void {
    this.#fed++;
  }
}
