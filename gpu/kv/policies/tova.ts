import { rowsByPercent } from './percent.ts';
import type { PolicyKind } from './policy.ts';

/** TOVA (Oren et al., arXiv:2401.06104): the newest row, and those to which the newest query attends most. */
export const tova: PolicyKind = {
  id: 'tova',
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
