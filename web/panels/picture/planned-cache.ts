import { policyKind } from '../../../gpu/kv/policies/policies.ts';
import type { Policy } from '../../../gpu/kv/policies/policy.ts';
import { storesUnder } from '../../../gpu/kv/policies/usage.ts';
import type { KvPrecision } from '../../../gpu/kv/usage.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';
import type { Positions } from './held-cache.ts';

/** What a store would hold of a text. */
export interface PlannedStore {
  readonly owner: number;
  readonly rows: number;
  /** Ascending. Which older rows stay for their scores is not known before a run: they are drawn as the next newest. */
  readonly ranges: readonly Positions[];
  readonly bytes: number;
}

export interface Planning {
  readonly sharing: Sharing;
  readonly dims: ModelDims;
  readonly precision: KvPrecision;
  readonly policy: Policy;
  /** Of the kernels, under LESS. */
  readonly kernelRank: number;
}

/** What every store would hold of a text of so many tokens, by the ledger's formula. */
export function plannedStores(
  { sharing, dims, precision, policy, kernelRank }: Planning,
  textTokens: number,
): readonly PlannedStore[] {
  const sinks = policyKind(policy.id).budget(policy, textTokens)?.sinks ?? 0;
  return storesUnder(policy, kernelRank, sharing, dims, precision, textTokens).map(
    ({ owner, rows, bytes }) => ({ owner, rows, bytes, ranges: rangesKept(rows, sinks, textTokens) }),
  );
}

/** The first positions as far as they are sinks, and the newest. */
function rangesKept(rows: number, sinks: number, textTokens: number): readonly Positions[] {
  const first = rows < textTokens ? Math.min(sinks, rows) : 0;
  return [
    { from: 0, to: first },
    { from: textTokens - (rows - first), to: textTokens },
  ].filter(({ from, to }) => to > from);
}
