import { recentAndHeavy } from './percent.ts';
import type { PolicyKind, Scoring } from './policy.ts';

/** The attention that a row has received so far. */
export const received: Scoring = { from: 'attention', noisy: false, accumulates: true, jointHeads: false };

/** H2O (Zhang et al., arXiv:2306.14048): the newest rows, and the "heavy hitters" among the older ones. */
export const h2o: PolicyKind = {
  id: 'h2o',
  fields: ['heavy', 'recent', 'cachePercent', 'recentPercent'],
  positions: ['absolute', 'cache'],
  defaults: () => ({ cachePercent: 20, recentPercent: 50 }),
  budget: (policy, textTokens) => ({ sinks: 0, ...recentAndHeavy(policy, textTokens) }),
  scoring: received,
};
