import { prefillLayerPasses } from '../../../gpu/plan/prefill-schedule.ts';
import type { Policy } from '../../../gpu/kv/policies/policy.ts';
import { kvBytesPerTokenUnder, kvBytesUnder, longestPromptUnder } from '../../../gpu/kv/policies/usage.ts';
import type { KvPrecision } from '../../../gpu/kv/usage.ts';
import type { Passes } from '../../../gpu/plan/forward-plan.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';

/** What a plan costs and what fits in memory, computed by formula before anything runs. */
export interface PlanFigures {
  readonly bytesPerToken: number;
  /** For a prompt of the model's full context, once it was read. Windowed caches hold at most their window. */
  readonly bytesAtContext: number;
  /** How many layers a parallel prefill runs per token of the prompt. */
  readonly prefillLayerPasses: number;
  /** Tokens of the longest text whose KV fits the budget; Infinity if the caches stop growing. */
  readonly longestContextTokens: number;
  /** How many texts of the model's full context fit the budget together. */
  readonly largestBatch: number;
}

export interface FigureSettings {
  readonly precision: KvPrecision;
  readonly passes: Passes;
  readonly budgetBytes: number;
  /** What the caches keep of a prompt once it was read. */
  readonly policy: Policy;
  /** Of the kernels, under LESS. */
  readonly kernelRank: number;
}

/** The figures of a plan while it is edited. */
export function planFigures(sharing: Sharing, dims: ModelDims, settings: FigureSettings): PlanFigures {
  const { precision, passes, budgetBytes, policy, kernelRank } = settings;
  const { contextTokens } = dims;
  const bytesAtContext = kvBytesUnder(policy, kernelRank, sharing, dims, precision, contextTokens);
  return {
    bytesPerToken: kvBytesPerTokenUnder(policy, sharing, dims, precision),
    bytesAtContext,
    prefillLayerPasses: prefillLayerPasses(sharing, passes),
    longestContextTokens: longestPromptUnder(policy, kernelRank, sharing, dims, precision, budgetBytes),
    largestBatch: Math.floor(budgetBytes / bytesAtContext),
  };
}
