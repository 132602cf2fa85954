import { recentAndHeavy } from './percent.ts';
import type { PolicyKind } from './policy.ts';

/**
 * The newest rows, and the older ones with the shortest keys (Devoto et al., arXiv:2406.11430): a short key tends to be
 * attended to much. Reads no attention, so it is the cheapest policy with scores.
 */
export const keyNorm: PolicyKind = {
  id: 'key-norm',
  label: 'Short keys (key norm)',
  words: {
    keeps:
      'The newest rows, and of the older ones those with the shortest keys, which tend to be attended to much.',
    loses: 'Older rows with long keys, even if the text depends on them: nobody asks what attends to them.',
    published: 'The published code leaves the first two layers whole; kvtab cuts every store.',
  },
  fields: ['heavy', 'recent', 'cachePercent', 'recentPercent'],
  positions: ['absolute', 'cache'],
  defaults: () => ({ cachePercent: 20, recentPercent: 50 }),
  budget: (policy, textTokens) => ({ sinks: 0, ...recentAndHeavy(policy, textTokens) }),
  scoring: { from: 'key', scoreOf: (key) => -Math.fround(Math.hypot(...key)) },
};
