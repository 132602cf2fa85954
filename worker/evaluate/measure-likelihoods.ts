import type { TokenLikelihood } from '../../gpu/plan/token-likelihood.ts';
import type { MeasuredLikelihoods, ScoredContinuation } from '../protocol/measure.ts';
import type { TokenPair } from './pair-tokens.ts';
import type { Parts } from './parts.ts';
import type { LaneJob } from './text-lanes.ts';
import type { ScoredWindow, TextReader } from './text-reader.ts';
import type { PairWindow, Window } from './windows.ts';

/** A begin that is shorter is not worth a prompt of its own. */
const SHORTEST_BEGIN = 16;

/** Σ log p, in float64. */
export const sumOf = (likelihoods: readonly TokenLikelihood[]) =>
  likelihoods.reduce((sum, { logProbability }) => sum + logProbability, 0);

export const isGreedy = (likelihoods: readonly TokenLikelihood[]) =>
  likelihoods.every(({ rank }) => rank === 1);

/**
 * Scores the continuations of one item. Their common context is read once if that gives the same numbers.
 *
 * @param windows of the pairs, one by one; null for a pair that cannot be scored
 */
export function likelihoodParts(
  reader: TextReader,
  pairs: readonly TokenPair[],
  windows: readonly (PairWindow | null)[],
): Parts {
  const scorable = windows.filter((window) => window !== null);
  const results = new Map<Window, ScoredWindow>();
  const begin = reader.sharesBegins ? commonBegin(scorable) : 0;
  const capacityOf = ({ tokens }: Window) => tokens.length - 1;
  const afterBegin: LaneJob = {
    capacityTokens: Math.max(0, ...scorable.map(capacityOf)),
    run: async (lane) => {
      const scored = await reader.scoreAfterBegin(lane, scorable, begin);
      for (const [i, window] of scorable.entries()) {
        const result = scored[i];
        if (result) results.set(window, result);
      }
    },
  };
  const each = scorable.map((window): LaneJob => ({
    capacityTokens: capacityOf(window),
    run: async (lane) => {
      // The context is the prompt: what follows is decoded.
      const prompt = Math.max(1, window.tokens.length - window.scored);
      results.set(window, await reader.score(lane, window, prompt));
    },
  }));
  return {
    jobs: scorable.length > 1 && begin >= SHORTEST_BEGIN ? [afterBegin] : each,
    measured: () => Promise.resolve(measuredOf(pairs, windows, results)),
  };
}

function measuredOf(
  pairs: readonly TokenPair[],
  windows: readonly (PairWindow | null)[],
  results: ReadonlyMap<Window, ScoredWindow>,
): MeasuredLikelihoods {
  const requests = pairs.map(({ context, continuation }, i): ScoredContinuation => {
    const window = windows[i];
    const result = window && results.get(window);
    const tokens = continuation.length;
    if (!window || !result) return { logLikelihood: null, greedy: false, tokens, cut: context.length };
    const { likelihoods } = result;
    return { logLikelihood: sumOf(likelihoods), greedy: isGreedy(likelihoods), tokens, cut: window.cut };
  });
  return {
    kind: 'likelihood',
    requests,
    kvBytes: Math.max(0, ...[...results.values()].map(({ kvBytes }) => kvBytes)),
  };
}

/** How many input tokens all windows begin with. */
function commonBegin(windows: readonly Window[]): number {
  const [first, ...others] = windows;
  if (!first) return 0;
  let length = Math.min(...windows.map(({ tokens }) => tokens.length - 1));
  for (const { tokens } of others) {
    const apart = tokens.findIndex((token, i) => token !== first.tokens[i]);
    if (apart >= 0) length = Math.min(length, apart);
  }
  return length;
}
