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
  /** What belongs behind the number: empty if all texts within the context take the same fraction. */
  readonly rest: string;
  /** Both together, as `18.8 % at 512 tokens · 62.5 % per new token`. */
  readonly text: string;
}

/** What a cache policy leaves of a text that fills the model's context. */
export interface KeptOfContext {
  readonly budget: Budget;
  /**
   * The bytes of all that is kept, scores and states included, divided by those of plain LLaMA's rows; null if the
   * model's dimensions are not known yet: rows alone are counted then.
   */
  readonly bytes: number | null;
}

/**
 * The one number for KV. Every panel takes it from here, so that none can contradict another.
 *
 * @param contextTokens the model's full context; null if it is not known yet
 * @param kept what a cache policy leaves of a text of that length; null without one
 */
export function kvFraction(
  sharing: Pick<Sharing, 'layers' | 'windowTokens'>,
  contextTokens: number | null,
  kept: KeptOfContext | null,
): KvFraction {
  const { layers, windowTokens } = sharing;
  const owners = kvOwners(layers);
  const perNewToken = owners.length / layers.length;
  const bounded = kept !== null || owners.some(({ windowed }) => windowed);
  if (!bounded) return told(perNewToken, '');
  const percent = formatPercent(perNewToken);
  if (contextTokens === null) return told(perNewToken, words.kvPerNewToken);
  const rows = owners.map(({ windowed }) =>
    rowsAfterCut(kept?.budget ?? null, contextTokens, windowed ? windowTokens : Infinity),
  );
  const ofRows = rows.reduce((sum, count) => sum + count, 0) / (layers.length * contextTokens);
  const ofContext = kept?.bytes ?? ofRows;
  // A window that is as long as the context bounds no text of the model: one number says it.
  if (formatPercent(ofContext) === percent) return told(perNewToken, '');
  return told(ofContext, words.kvAtContext(contextTokens.toLocaleString('en'), percent));
}

function told(value: number, rest: string): KvFraction {
  const lead = formatPercent(value);
  return { value, lead, rest, text: rest === '' ? lead : `${lead} ${rest}` };
}

/** The text of a {@link KvFraction}, to be shown: a line may end between its two numbers, and nowhere else. */
export const unbroken = (text: string): string =>
  text.replaceAll(' ', '\u00a0').replace('\u00a0·\u00a0', '\u00a0· ');
