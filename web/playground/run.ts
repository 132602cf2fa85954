import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { KvUsage } from '../../gpu/kv/usage.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { Failure } from '../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult, Prompt, Timing } from '../../worker/protocol/generate.ts';
import type { ModelFacts } from '../../worker/protocol/load.ts';

/** One press of Generate: what was asked, and what is known of it by now. Its figures are the engine's, never ours. */
export interface Run {
  readonly number: number;
  readonly modelId: string;
  readonly adapter: ModelFacts['adapter'];
  readonly dims: ModelDims;
  /** The whole set-up, as the part of an address after `#`. */
  readonly link: string;
  readonly prompt: string;
  readonly request: GenerateRequest;
  readonly layerTypes: string;
  readonly mode: Mode | null;
  /** Share of the prompt that has been read, 0 to 1. */
  readonly prefilledShare: number;
  readonly promptTokens: number | null;
  readonly newTokens: number;
  readonly kv: KvUsage | null;
  readonly timing: Timing | null;
  readonly end: RunEnd | null;
}

export type RunEnd = GenerateResult['end'] | { readonly failure: Failure };

/** A run that has just been asked for. */
export function beginRun(
  number: number,
  model: ModelFacts,
  { prompt, link }: Pick<Run, 'prompt' | 'link'>,
  request: GenerateRequest,
): Run {
  return {
    number,
    modelId: model.id,
    adapter: model.adapter,
    dims: model.dims,
    link,
    prompt,
    request,
    layerTypes: request.config.layerTypes ?? model.stored.layerTypes,
    mode: null,
    prefilledShare: 0,
    promptTokens: null,
    newTokens: 0,
    kv: null,
    timing: null,
    end: null,
  };
}

/** The part of a prompt that is shown as such: a text, or the message that is answered. */
export function shownPrompt(prompt: Prompt): string {
  if ('text' in prompt) return prompt.text;
  return 'chat' in prompt ? (prompt.chat.findLast(({ role }) => role === 'user')?.content ?? '') : '';
}

/** A run with the engine's last word on it. */
export const endRun = (run: Run, result: GenerateResult): Run => ({
  ...run,
  mode: result.mode,
  prefilledShare: 1,
  promptTokens: result.promptTokens,
  newTokens: result.tokens.length,
  kv: result.kv,
  timing: result.timing,
  end: result.end,
});

/** A run as an event of the worker leaves it; the same object where nothing that is shown has changed. */
export function runAfter(run: Run, event: EngineEvent): Run {
  switch (event.type) {
    case 'prefill':
      return { ...run, prefilledShare: event.share, promptTokens: event.promptTokens, mode: event.mode };
    case 'token':
      return run.prefilledShare < 1 ? { ...run, prefilledShare: 1 } : run;
    case 'stats':
      return { ...run, kv: event.kv, timing: event.timing, newTokens: event.newTokens };
    case 'room':
    case 'download':
    case 'export':
      return run;
    default:
      return event satisfies never;
  }
}
