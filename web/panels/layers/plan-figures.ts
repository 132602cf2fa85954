import { prefillLayerPasses } from '../../../gpu/plan/prefill-schedule.ts';
import {
  kvBytesHeld,
  kvBytesPerToken,
  kvRowBytes,
  type KvPrecision,
} from '../../../gpu/kv/usage.ts';
import type { Passes } from '../../../gpu/plan/forward-plan.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { kvOwners, type Sharing } from '../../../gpu/plan/sharing.ts';

/** What a plan costs and what fits in memory, computed by formula before anything runs. */
export interface PlanFigures {
  readonly bytesPerToken: number;
  /** For a text of the model's full context. Windowed caches hold at most their window. */
  readonly bytesAtContext: number;
  /** How many layers a parallel prefill runs per token of the prompt. */
  readonly prefillLayerPasses: number;
  /** Tokens of the longest text whose KV fits the budget; Infinity if every cache is windowed. */
  readonly longestContextTokens: number;
  /** How many texts of the model's full context fit the budget together. */
  readonly largestBatch: number;
}

export interface FigureSettings {
  readonly precision: KvPrecision;
  readonly passes: Passes;
  readonly budgetBytes: number;
}

/** The figures of a plan while it is edited. */
export function planFigures(sharing: Sharing, dims: ModelDims, settings: FigureSettings): PlanFigures {
  const { precision, passes, budgetBytes } = settings;
  const { contextTokens } = dims;
  const bytesAtContext = kvBytesHeld(sharing, dims, precision, contextTokens);
  return {
    bytesPerToken: kvBytesPerToken(sharing, dims, precision),
    bytesAtContext,
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
  // Every cache grows until the windows are full; after that, only those without a window.
  const rowsWhenFull = owners.length * sharing.windowTokens;
  if (rowsToSpend < rowsWhenFull || windowed === 0) return Math.floor(rowsToSpend / owners.length);
  if (unbounded === 0) return Infinity;
  return Math.floor((rowsToSpend - windowed * sharing.windowTokens) / unbounded);
}
