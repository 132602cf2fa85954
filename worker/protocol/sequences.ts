import type { KvUsage } from '../../gpu/kv/usage.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { GenerateRequest, GenerateResult, Prompt } from './generate.ts';

/** What one of several sequences has of its own. */
export interface SequenceRequest extends Pick<GenerateRequest, 'maxNewTokens' | 'ignoreEos' | 'sampling'> {
  readonly input: Exclude<Prompt, { readonly chat: unknown }>;
}

/** Several sequences under one plan and policy, to be written together. */
export interface SequencesRequest extends Pick<
  GenerateRequest,
  'config' | 'mode' | 'freeze' | 'kvPrecision' | 'policy'
> {
  /** At least one. */
  readonly sequences: readonly SequenceRequest[];
  /** Whether to tell the texts while they are written, as events `sequence-texts`. */
  readonly tellTexts: boolean;
}

/** New text of one of several sequences, by its index in the request. */
export interface SequenceText {
  readonly sequence: number;
  readonly text: string;
}

export interface SequencesResult {
  /** In the order of the request. */
  readonly sequences: readonly SequenceResult[];
  /** What the tokenizer changes in the prompts, as sentences. */
  readonly notices: readonly string[];
  /**
   * The sums of what each sequence held when it ended; `allocatedBytes` is the most that was allocated for caches at
   * once, and `bytesPerToken` that of one sequence.
   */
  readonly kv: KvUsage;
  readonly timing: SequencesTiming;
}

export interface SequenceResult extends Pick<GenerateResult, 'end' | 'tokens' | 'text' | 'promptTokens'> {
  /** That of the sequence's single run. */
  readonly mode: Mode;
}

/** Prefilling and decoding take turns if there are more sequences than places; each is summed up. */
export interface SequencesTiming {
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly prefillTokensPerSec: number;
  /** New tokens of all sequences per second of decoding. */
  readonly throughputTokensPerSec: number;
  /** New tokens of all sequences per second of prefilling and decoding. */
  readonly throughputWithPrefillTokensPerSec: number;
}
