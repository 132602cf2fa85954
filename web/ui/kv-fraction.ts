import { rowsAfterCut } from '../../gpu/kv/policies/cut.ts';
import type { Budget } from '../../gpu/kv/policies/policy.ts';
import { kvOwners, type Sharing } from '../../gpu/plan/sharing.ts';
import { formatPercent } from './format.ts';
import { words } from './words.ts';

/** The KV of a plan, divided by the KV of a plan in which every layer keeps its own and nothing is cut. */
export interface KvFraction {
  /** What a text of the model's full context takes; what each new token takes if the context is not known. */
  readonly value: number;
  /** {@link value} as `18.8 %`. */
  readonly lead: string;
  /** What belongs behind the number: empty if all texts take the same fraction. */
  readonly rest: string;
  /** Both together, as `18.8 % at 512 tokens · 62.5 % per new token`. */
  readonly text: string;
}

/**
 * The one number for KV. Every panel takes it from here, so that none can contradict another.
 *
 * @param contextTokens the model's full context; null if it is not known yet
 * @param budget what a cache policy leaves of a text of that length; null without one
 */
export function kvFraction(
  sharing: Pick<Sharing, 'layers' | 'windowTokens'>,
  contextTokens: number | null,
  budget: Budget | null,
): KvFraction {
  const { layers, windowTokens } = sharing;
  const owners = kvOwners(layers);
  const perNewToken = owners.length / layers.length;
  const bounded = budget !== null || owners.some(({ windowed }) => windowed);
  if (!bounded) return told(perNewToken, '');
  const percent = formatPercent(perNewToken);
  if (contextTokens === null) return told(perNewToken, words.kvPerNewToken);
  const rows = owners.map(({ windowed }) =>
    rowsAfterCut(budget, contextTokens, windowed ? windowTokens : Infinity),
  );
  const atContext = rows.reduce((sum, count) => sum + count, 0) / (layers.length * contextTokens);
  return told(atContext, words.kvAtContext(contextTokens.toLocaleString('en'), percent));
}

function told(value: number, rest: string): KvFraction {
  const lead = formatPercent(value);
  return { value, lead, rest, text: rest === '' ? lead : `${lead} ${rest}` };
}
