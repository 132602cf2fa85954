import { h2o } from './h2o.ts';
import { keyformer } from './keyformer.ts';
import { lambda } from './lambda.ts';
import { percentOf } from './percent.ts';
import type { PolicyField, PolicyKind } from './policy.ts';
import { sinks } from './sinks.ts';

/** The kinds that may decide for LESS. */
export const sparseKinds: readonly PolicyKind[] = [lambda, sinks, h2o, keyformer];

const fieldsOfAll: readonly PolicyField[] = [...new Set(sparseKinds.flatMap(({ fields }) => fields))];

/**
 * LESS (Dong et al., arXiv:2402.09398): keeps what another policy keeps, and adds the rows that leave to a small state,
 * which later queries read through trained kernels.
 */
export const less: PolicyKind = {
  id: 'less',
  label: 'LESS (rows and a small state)',
  words: {
    keeps:
      'The rows that another policy keeps, and a small state of constant size: a sum over all rows that are gone, which later queries read through kernels trained for the model.',
    loses:
      'What the state blurs: it cannot tell the rows that are gone from each other, nor where they stood.',
    published:
      'LESS’s code adds 10⁻⁶ to every sum of weights, and its evaluation scores rows that are already gone; kvtab does neither. Over shared KV, ψ belongs to the store and φ to each reader.',
  },
  fields: fieldsOfAll,
  positions: ['absolute'],
  defaults: () => ({}),
  budget: (policy, textTokens) =>
    sparseKinds.find(({ id }) => id === policy.sparse)?.budget(policy, textTokens) ?? null,
  scoring: null,
};

/**
 * A kind as it decides for LESS: at the text's own positions, and by default with a part of the model's context as in
 * the paper, whatever the length of the prompt.
 *
 * @param byPercent whether a percentage is given, instead of numbers of rows
 */
export const insideLess = (kind: PolicyKind, byPercent: boolean): PolicyKind => ({
  ...kind,
  positions: ['absolute'],
  defaults: (context) => {
    const rows = percentOf(context.contextTokens, 2.5);
    const inRows = kind.id === h2o.id && !byPercent;
    return { ...kind.defaults(context), ...(inRows && { heavy: rows, recent: rows, cachePercent: null }) };
  },
});
