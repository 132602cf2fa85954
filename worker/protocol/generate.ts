import type { Policy } from '../../gpu/kv/policies/policy.ts';
import type { StoreRows } from '../../gpu/kv/store-rows.ts';
import type { KvPrecision, KvUsage } from '../../gpu/kv/usage.ts';
import type { Mode, ModeChoice } from '../../gpu/plan/forward-plan.ts';
import type { KernelTime } from '../../gpu/plan/kernel-time.ts';
import type { SamplingOptions } from '../../gpu/plan/sampling.ts';
import type { SharingConfig } from './load.ts';

/** A text, which gets the tokenizer's special tokens; a chat, which the template writes; or turns of token ids. */
export type Prompt =
  | { readonly text: string }
  | { readonly chat: readonly ChatMessage[] }
  | { readonly turns: readonly (PromptTurn | readonly number[])[] };

/** Token ids to read, and how many tokens to generate greedily after them. Only the last turn generates none itself. */
export interface PromptTurn {
  readonly tokens: readonly number[];
  readonly newTokens: number;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface GenerateRequest {
  readonly input: Prompt;
  /** Differences from the checkpoint's own configuration. */
  readonly config: Partial<SharingConfig>;
  readonly mode: ModeChoice;
  /** Whether passes leave out positions that no longer move: gpu/kv/freezing.ts. False if it is left out. */
  readonly freeze?: boolean;
  readonly kvPrecision: KvPrecision;
  readonly maxNewTokens: number;
  readonly ignoreEos: boolean;
  readonly sampling: SamplingOptions;
  /** Prompt positions, counted through all turns, whose logits the result should have. */
  readonly logits: readonly number[];
  /** Whether to compute the prompt's mean negative log-likelihood. */
  readonly score: boolean;
  /** What the cache keeps. The engine checks it. */
  readonly policy: PolicyRequest;
  /** What else to record. It does not change the tokens. */
  readonly watch?: Watch;
}

/** A policy as it is asked for: fields that are left out have the defaults of their kind. */
export type PolicyRequest = Pick<Policy, 'id'> & Readonly<Record<string, unknown>>;

export interface Watch {
  /** Records the probabilities of every token as it is drawn. */
  readonly tokens: boolean;
  /** Times the kernels on a few more steps after the run, on a device that is opened for it. */
  readonly kernels: boolean;
  /** Records what every step fed, its logits, and the positions that each store keeps after it. */
  readonly steps: boolean;
  /** Tells, now and then, which rows the stores hold, and what the tokens of the prompt are. */
  readonly rows: boolean;
  /** Records the scores by which a policy chooses: before the cut after each prompt, and at the end. */
  readonly scores: boolean;
}

/** One prompt, one chunk of it, or one token that was fed while decoding. */
export interface WatchedStep {
  readonly fed: readonly number[];
  /** Of the last of the tokens. */
  readonly position: number;
  /** `[vocabSize]`, after the last of the tokens. */
  readonly logits: Float32Array;
  /** After the cut. */
  readonly kept: readonly StoreRows[];
}

export interface WatchedScores {
  /** For each turn, before the cut that follows its prompt. */
  readonly afterPrompt: readonly (readonly StoreRows[])[];
  /** After the cut that follows the last turn's prompt. */
  readonly afterCut: readonly StoreRows[];
  readonly atEnd: readonly StoreRows[];
}

export interface GenerateResult {
  readonly mode: Mode;
  readonly end: 'length' | 'end-of-text' | 'stopped';
  readonly promptTokens: number;
  /** Tokens whose KV was kept from the previous turn, and those of them that this prompt starts with. */
  readonly reuse: { readonly heldTokens: number; readonly reusedTokens: number };
  readonly tokens: readonly number[];
  /** What the tokenizer changes in the prompt, as sentences. */
  readonly notices: readonly string[];
  /** The continuation without special tokens; null without a tokenizer. */
  readonly text: string | null;
  /** One row of `vocabSize` for each position in `GenerateRequest.logits`, in its order. */
  readonly logits: readonly Float32Array[];
  /** Mean negative log-likelihood of the prompt's tokens 1…; null unless asked for. */
  readonly nats: number | null;
  readonly kv: KvUsage;
  readonly timing: Timing;
  /** One per token. Present if the request sets `watch.tokens`. */
  readonly probabilities?: readonly TokenWithProbabilities[];
  /** Present if the request sets `watch.steps`. */
  readonly steps?: readonly WatchedStep[];
  /** Present if the request sets `watch.scores` and a policy. */
  readonly scores?: WatchedScores;
  /** GPU time of one step. Present if the request sets `watch.kernels`; null if it cannot be measured. */
  readonly kernels?: readonly KernelTime[] | null;
}

/** A drawn token, and what the model's own distribution says about it: temperature 1, no penalty, nothing cut off. */
export interface TokenWithProbabilities extends TokenChance {
  /** 1 for the likeliest. */
  readonly rank: number;
  /** Since the previous token; 0 for the first. */
  readonly ms: number;
  /** The likeliest tokens, in order. */
  readonly alternatives: readonly TokenChance[];
}

export interface TokenChance extends TokenWithText {
  readonly probability: number;
}

export interface TokenWithText {
  readonly id: number;
  /** What it adds to the text before it; empty for special tokens, U+FFFD for parts of a character. */
  readonly text: string;
}

export interface Timing {
  readonly prefillMs: number;
  /** From the first new token to the last. */
  readonly decodeMs: number;
  readonly prefillTokensPerSec: number;
  /** 0 if fewer than two tokens were written. */
  readonly decodeTokensPerSec: number;
}
