import type { Present } from '../meaning/present.ts';
import type { Playground } from './playground.svelte.ts';

/** What the page holds now, for the formulas of explanations. */
export function presentOf({ config, facts, plan, policy, run }: Playground): Present {
  const timing = run?.timing ?? null;
  return {
    plan: plan?.ok ? plan.value.map(({ readsFrom, windowed }) => ({ reads: readsFrom, windowed })) : null,
    window: config.slidingWindow ?? 1,
    forwardPasses: config.forwardPasses ?? 0,
    backwardPasses: config.backwardPasses ?? 0,
    kvHeads: facts?.dims.kvHeads ?? null,
    headDim: facts?.dims.headDim ?? null,
    kvBytes: config.kvPrecision === 'f16' ? 2 : 4,
    weights: config.weights,
    temperature: config.temperature ?? 1,
    topK: config.topK ?? 0,
    topP: config.topP ?? 1,
    minP: config.minP ?? 0,
    repetitionPenalty: config.repetitionPenalty ?? 1,
    maxNewTokens: config.maxNewTokens ?? 0,
    continuations: config.continuations ?? 1,
    sinks: policy?.sinks ?? null,
    recent: policy?.recent ?? null,
    heavy: policy?.heavy ?? null,
    rows: policy?.rows ?? null,
    chunk: policy?.chunk ?? null,
    promptTokens: run?.promptTokens ?? null,
    newTokens: run && run.newTokens > 0 ? run.newTokens : null,
    prefillMs: timing?.prefillMs ?? null,
    decodeMs: timing?.decodeMs ?? null,
  };
}
