import { percentOf } from './percent.ts';
import type { PolicyKind } from './policy.ts';
import { sinksAndRecent } from './sinks.ts';

/** The Λ-shaped mask that LESS (Dong et al., arXiv:2402.09398) compares with: sinks, with the text's own positions. */
export const lambda: PolicyKind = {
  id: 'lambda',
  label: 'Λ mask (LESS’s baseline)',
  words: {
    keeps: 'The first tokens of the text and the newest ones, each at its own place in the text.',
    loses:
      'What stood between them; and distances keep the holes, so a long text outgrows the model’s context.',
    published: 'Without recent rows LESS’s code evicts nothing; kvtab always keeps at least the newest one.',
  },
  fields: ['sinks', 'recent', 'cachePercent'],
  positions: ['absolute'],
  defaults: ({ contextTokens }) => ({ sinks: 4, recent: percentOf(contextTokens, 4.9) }),
  budget: sinksAndRecent,
  scoring: null,
};
