import { percentOf } from './percent.ts';
import type { PolicyKind } from './policy.ts';
import { sinksAndRecent } from './sinks.ts';

/** The Λ-shaped mask that LESS (Dong et al., arXiv:2402.09398) compares with: sinks, with the text's own positions. */
export const lambda: PolicyKind = {
  id: 'lambda',
  fields: ['sinks', 'recent', 'cachePercent'],
  positions: ['absolute'],
  defaults: ({ contextTokens }) => ({ sinks: 4, recent: percentOf(contextTokens, 4.9) }),
  budget: sinksAndRecent,
  scoring: null,
};
