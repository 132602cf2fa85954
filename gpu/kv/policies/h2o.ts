import { recentAndHeavy } from './percent.ts';
import type { PolicyKind, Scoring } from './policy.ts';

/** The attention that a row has received so far. */
export const received: Scoring = { from: 'attention', noisy: false, accumulates: true, jointHeads: false };

/** H2O (Zhang et al., arXiv:2306.14048): the newest rows, and the "heavy hitters" among the older ones. */
export const h2o: PolicyKind = {
  id: 'h2o',
  label: 'H2O (heavy hitters)',
  words: {
    keeps:
      'The newest rows, and of the older ones the heavy hitters: those that have received the most attention so far.',
    loses:
      'Older tokens that got little attention so far, even if a later word needs them; scores add up, so early tokens have the advantage.',
    published:
      'H2O’s masking code hides the row that leaves the recent ones for a step and may revive it; kvtab follows its code with real eviction, which does not.',
  },
  fields: ['heavy', 'recent', 'cachePercent', 'recentPercent'],
  positions: ['absolute', 'cache'],
  defaults: () => ({ cachePercent: 20, recentPercent: 50 }),
  budget: (policy, textTokens) => ({ sinks: 0, ...recentAndHeavy(policy, textTokens) }),
  scoring: received,
};
