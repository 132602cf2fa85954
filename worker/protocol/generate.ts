import type { KvPrecision, KvUsage } from '../../gpu/kv/usage.ts';
import type { Mode, ModeChoice } from '../../gpu/plan/forward-plan.ts';
import type { KernelTime } from '../../gpu/plan/kernel-time.ts';
import type { SamplingOptions } from '../../gpu/plan/sampling.ts';
import type { SharingConfig } from './load.ts';

/** Text, with the tokenizer's special tokens; a chat, as the template writes it; or turns of token ids, verbatim. */
export type Prompt =
  | { readonly text: string }
  | { readonly chat: readonly ChatMessage[] }
  | { readonly turns: readonly (readonly number[])[] };

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface GenerateRequest {
  readonly input: Prompt;
  /** Differences from the checkpoint's own configuration. */
  readonly config: Partial<SharingConfig>;
  readonly mode: ModeChoice;
  readonly kvPrecision: KvPrecision;
  readonly maxNewTokens: number;
  readonly ignoreEos: boolean;
  readonly sampling: SamplingOptions;
  /** Prompt positions, counted through all turns, whose logits are wanted in the result. */
  readonly logits: readonly number[];
  /** Whether to measure the prompt's mean negative log-likelihood. */
  readonly score: boolean;
  /** What is watched besides; the tokens are the same with it and without. */
  readonly watch?: Watch;
}

export interface Watch {
  /** Measures every token as it is drawn. */
  readonly tokens: boolean;
  /** Times the kernels on a few more steps after the run. */
  readonly kernels: boolean;
}

export interface GenerateResult {
  readonly mode: Mode;
  readonly end: 'length' | 'end-of-text' | 'stopped';
  readonly promptTokens: number;
  /** What was kept of the conversation before: tokens whose KV was there, and of them those that this prompt begins with. */
  readonly reuse: { readonly heldTokens: number; readonly reusedTokens: number };
  readonly tokens: readonly number[];
  /** The continuation without special tokens; null without a tokenizer. */
  readonly text: string | null;
  /** One row of `vocabSize` a position of `GenerateRequest.logits`, in its order. */
  readonly logits: readonly Float32Array[];
  /** Mean negative log-likelihood of the prompt's tokens 1…; null unless asked for. */
  readonly nats: number | null;
  readonly kv: KvUsage;
  readonly timing: Timing;
  /** Where `watch.tokens` asked for it: one a token. */
  readonly measured?: readonly MeasuredToken[];
  /** Where `watch.kernels` asked for it: GPU time of one step; null where none can be told. */
  readonly kernels?: readonly KernelTime[] | null;
}

/** A token that was drawn, under the model's own distribution: temperature 1, no penalty, nothing cut off. */
export interface MeasuredToken extends TokenChance {
  /** 1 for the likeliest. */
  readonly rank: number;
  /** Since the token before; 0 for the first. */
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
  /** 0 where fewer than two tokens were written. */
  readonly decodeTokensPerSec: number;
}
