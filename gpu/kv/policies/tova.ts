import { rowsByPercent } from './percent.ts';
import type { PolicyKind } from './policy.ts';

/** TOVA (Oren et al., arXiv:2401.06104): the newest row, and those to which the newest query attends most. */
export const tova: PolicyKind = {
  id: 'tova',
  label: 'TOVA',
  words: {
    keeps:
      'The newest row, and those to which the newest token attends most: one decision for all KV heads of a store.',
    loses: 'Every row that one token ignores, for good: scores do not add up.',
    published:
      'TOVA decides for each layer; a store here may serve several layers, so kvtab adds up the attention of all its readers.',
  },
  fields: ['rows', 'cachePercent'],
  positions: ['absolute', 'cache'],
  defaults: () => ({ cachePercent: 20 }),
  budget: ({ rows, cachePercent }, textTokens) => ({
    sinks: 0,
    recent: 1,
    heavy: (rows ?? rowsByPercent(cachePercent ?? 0, textTokens)) - 1,
  }),
  scoring: { from: 'attention', noisy: false, accumulates: false, jointHeads: true },
};
