import { prefillLayerPasses } from '../../../gpu/plan/prefill-schedule.ts';
import {
  kvBytesHeld,
  kvBytesPerToken,
  kvRowBytes,
  plainKvBytesPerToken,
  type KvPrecision,
} from '../../../gpu/kv/usage.ts';
import type { Passes } from '../../../gpu/plan/forward-plan.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { kvOwners, type Sharing } from '../../../gpu/plan/sharing.ts';

/** What a plan costs and what it leaves room for, by formula, before anything runs. */
export interface PlanFigures {
  readonly bytesPerToken: number;
  /** Of a text as long as the model was made for; windowed caches hold no more than their window. */
  readonly bytesAtContext: number;
  readonly plainBytesAtContext: number;
  /** Layers that a parallel prefill runs for each token of the prompt. */
  readonly prefillLayerPasses: number;
  /** Tokens of the longest text whose KV fits the budget; Infinity where windows bound it. */
  readonly longestContextTokens: number;
  /** Texts of the model's full context whose KV fits the budget at once. */
  readonly largestBatch: number;
}

export interface FigureSettings {
  readonly precision: KvPrecision;
  readonly passes: Passes;
  readonly budgetBytes: number;
}

/** The figures of a plan as it is typed. */
export function planFigures(sharing: Sharing, dims: ModelDims, settings: FigureSettings): PlanFigures {
  const { precision, passes, budgetBytes } = settings;
  const { contextTokens } = dims;
  const bytesAtContext = kvBytesHeld(sharing, dims, precision, contextTokens);
  return {
    bytesPerToken: kvBytesPerToken(sharing, dims, precision),
    bytesAtContext,
    plainBytesAtContext: plainKvBytesPerToken(dims, precision) * contextTokens,
    prefillLayerPasses: prefillLayerPasses(sharing, passes),
    longestContextTokens: longestContext(sharing, kvRowBytes(dims, precision), budgetBytes),
    largestBatch: Math.floor(budgetBytes / bytesAtContext),
  };
}

function longestContext(sharing: Sharing, rowBytes: number, budgetBytes: number): number {
  const owners = kvOwners(sharing.layers);
  const rowsToSpend = Math.floor(budgetBytes / rowBytes);
  const windowed = owners.filter((owner) => owner.windowed).length;
  const unbounded = owners.length - windowed;
  // Until the windows are full every cache grows; from then on only those without one.
  const rowsWhenFull = owners.length * sharing.windowTokens;
  if (rowsToSpend < rowsWhenFull || windowed === 0) return Math.floor(rowsToSpend / owners.length);
  if (unbounded === 0) return Infinity;
  return Math.floor((rowsToSpend - windowed * sharing.windowTokens) / unbounded);
}
