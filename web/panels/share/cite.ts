import { describeAdapter } from '../../ui/describe-adapter.ts';
import type { Run } from '../../playground/run.ts';
import { formatBytes, formatTokensPerSec } from '../../ui/format.ts';

/** What a citation says besides the run itself. */
export interface Edition {
  /** Commit of the page, as its build knows it. */
  readonly commit: string;
  readonly link: string;
}

/** A run in a few lines to paste under a figure: what was run, on what, with what outcome, and how to run it again. */
export function cite(run: Run, { commit, link }: Edition): string {
  const { sampling, kvPrecision, config } = run.request;
  const adapter = describeAdapter(run.adapter);
  const passes = `${config.forwardPasses ?? '?'} + ${config.backwardPasses ?? '?'} passes`;
  const speed = (tokensPerSec: number | undefined) =>
    tokensPerSec !== undefined && tokensPerSec > 0
      ? `${formatTokensPerSec(tokensPerSec)} tokens/s`
      : 'not measured';
  const lines = [
    `kvtab ${commit}, model ${run.modelId}`,
    `Plan: ${run.layerTypes}, window ${config.slidingWindow ?? '?'}, ${run.mode ?? '?'} mode, ${passes}, KV in ${kvPrecision}`,
    `Sampling: temperature ${sampling.temperature}, top-k ${sampling.topK}, top-p ${sampling.topP}, min-p ${sampling.minP}, repetition penalty ${sampling.repetitionPenalty}, seed ${sampling.seed}`,
    `Adapter: ${adapter.title}${adapter.software ? ' (software adapter)' : ''}, ${adapter.detail}`,
    `Tokens: ${run.promptTokens ?? '?'} of prompt, ${run.newTokens} new`,
    `KV cache: ${run.kv ? `${formatBytes(run.kv.bytes)} in use, ${formatBytes(run.kv.bytesPerToken)} per token` : 'not measured'}`,
    `Prefill: ${speed(run.timing?.prefillTokensPerSec)}; decode: ${speed(run.timing?.decodeTokensPerSec)}`,
    link,
  ];
  return lines.join('\n');
}
