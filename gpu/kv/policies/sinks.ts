import { rowsByPercent } from './percent.ts';
import type { Budget, Policy, PolicyKind } from './policy.ts';

/**
 * StreamingLLM (Xiao et al., arXiv:2309.17453): the first tokens of the text, which attention uses as a sink, and the
 * newest ones.
 */
export const sinks: PolicyKind = {
  id: 'sinks',
  label: 'Sinks and recent (StreamingLLM)',
  words: {
    keeps: 'The first tokens of the text, on which attention rests, and the newest ones.',
    loses: 'What stood between them: the model cannot recall it, however important it was.',
    published:
      'StreamingLLM’s chat demo makes room before a turn for prompt and answer, and LCKV’s code refuses sinks together with windows; kvtab cuts after a turn, and takes both.',
  },
  fields: ['sinks', 'recent', 'cachePercent'],
  positions: ['cache', 'absolute'],
  defaults: () => ({ sinks: 4, recent: 2000 }),
  budget: sinksAndRecent,
  scoring: null,
};

/** The budget of sinks and recent rows, without any chosen by score. */
export function sinksAndRecent({ sinks, recent, cachePercent }: Policy, textTokens: number): Budget {
  const byPercent = Math.max(1, rowsByPercent(cachePercent ?? 0, textTokens) - sinks);
  return { sinks, recent: recent ?? byPercent, heavy: 0 };
}
