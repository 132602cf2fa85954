import { recentAndHeavy } from './percent.ts';
import type { PolicyKind } from './policy.ts';

/**
 * Keyformer (Adnan et al., arXiv:2403.09054): as H2O, but the scores come from a softmax with Gumbel noise and a
 * temperature that rises with every new token. Follows the paper, in which all older rows compete.
 */
export const keyformer: PolicyKind = {
  id: 'keyformer',
  label: 'Keyformer',
  words: {
    keeps:
      'As H2O, but attention is scored with noise, and with a temperature that rises with every new token.',
    loses: 'Older tokens with low scores, partly by chance: another seed of the noise keeps other tokens.',
    published:
      'Keyformer’s code freezes its key rows, so that nothing written later can become one; kvtab follows the paper, in which all older rows compete.',
  },
  fields: ['heavy', 'recent', 'cachePercent', 'recentPercent', 'tauInit', 'tauDelta', 'seed'],
  positions: ['absolute', 'cache'],
  defaults: ({ maxNewTokens }) => ({
    cachePercent: 60,
    recentPercent: 30,
    tauInit: 1,
    tauDelta: maxNewTokens > 0 ? 1 / maxNewTokens : 0.01,
    seed: 0,
  }),
  budget: (policy, textTokens) => ({ sinks: 0, ...recentAndHeavy(policy, textTokens) }),
  scoring: { from: 'attention', noisy: true, accumulates: true, jointHeads: false },
};
