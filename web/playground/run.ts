import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { KvUsage } from '../../gpu/kv/usage.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { Failure } from '../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult, Prompt, Timing } from '../../worker/protocol/generate.ts';
import type { ModelFacts } from '../../worker/protocol/load.ts';
import type { PlaygroundConfig } from '../settings/settings.ts';

/** One press of Generate: what was asked for, and what is known so far. All figures come from the engine. */
export interface Run {
  readonly number: number;
  readonly modelId: string;
  readonly adapter: ModelFacts['adapter'];
  readonly dims: ModelDims;
  /** All settings, as the part of an address after `#`. */
  readonly link: string;
  /** All that was set. */
  readonly settings: Readonly<PlaygroundConfig>;
  /** The commit of the repository that the model came from; null if it came from none. */
  readonly commit: string | null;
  readonly prompt: string;
  readonly request: GenerateRequest;
  readonly layerTypes: string;
  readonly mode: Mode | null;
  /** How much of the prompt has been read, from 0 to 1. */
  readonly prefilledFraction: number;
  readonly promptTokens: number | null;
  readonly newTokens: number;
  /** What the tokenizer changes in the prompt, as sentences, once the run has ended. */
  readonly notices: readonly string[];
  readonly kv: KvUsage | null;
  readonly timing: Timing | null;
  readonly end: RunEnd | null;
}

/** What was set when the run was asked for. */
export type RunSetup = Pick<Run, 'prompt' | 'link' | 'settings' | 'commit'>;

export type RunEnd = GenerateResult['end'] | { readonly failure: Failure };

/** Whether a run writes several texts side by side. */
export const writesSeveral = ({ continuations }: Pick<PlaygroundConfig, 'continuations'>): boolean =>
  (continuations ?? 1) > 1;

/** A run that has not started yet. */
export function newRun(number: number, model: ModelFacts, setup: RunSetup, request: GenerateRequest): Run {
  return {
    number,
    modelId: model.id,
    adapter: model.adapter,
    dims: model.dims,
    ...setup,
    request,
    layerTypes: request.config.layerTypes ?? model.stored.layerTypes,
    mode: null,
    prefilledFraction: 0,
    promptTokens: null,
    newTokens: 0,
    notices: [],
    kv: null,
    timing: null,
    end: null,
  };
}

/** The part of a prompt that the page shows: the text, or the message that gets an answer. */
export function shownPrompt(prompt: Prompt): string {
  if ('text' in prompt) return prompt.text;
  return 'chat' in prompt ? (prompt.chat.findLast(({ role }) => role === 'user')?.content ?? '') : '';
}

/** A run with the engine's final result. */
export const finishedRun = (run: Run, result: GenerateResult): Run => ({
  ...run,
  mode: result.mode,
  prefilledFraction: 1,
  promptTokens: result.promptTokens,
  newTokens: result.tokens.length,
  notices: result.notices,
  kv: result.kv,
  timing: result.timing,
  end: result.end,
});

/** A run after an event of the worker; the same object if nothing that the page shows has changed. */
export function runAfter(run: Run, event: EngineEvent): Run {
  switch (event.type) {
    case 'prefill':
      return {
        ...run,
        prefilledFraction: event.fraction,
        promptTokens: event.promptTokens,
        mode: event.mode,
      };
    case 'token':
    case 'sequence-texts':
      return run.prefilledFraction < 1 ? { ...run, prefilledFraction: 1 } : run;
    case 'stats':
      return { ...run, kv: event.kv, timing: event.timing, newTokens: event.newTokens };
    case 'prompt':
    case 'rows':
    case 'room':
    case 'download':
    case 'export':
    case 'sequence-token':
    case 'measuring':
    case 'measured':
      return run;
    default:
      return event satisfies never;
  }
}
