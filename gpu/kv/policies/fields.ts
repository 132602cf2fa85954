import type { NumberRange } from '../../plan/number-range.ts';
import type { PolicyField } from './policy.ts';

/** What a number of a policy may be, and what people are told about it. */
export interface PolicyNumberFacts {
  readonly range: NumberRange;
  readonly label: string;
  readonly meaning: string;
}

/** The numbers that a policy may have. Any policy that evicts may have `chunk`. */
export type PolicyNumber = PolicyField | 'chunk';

/** The largest number of rows that anybody may ask for. */
export const MOST_ROWS = 10_000_000;

const rowsFrom = (min: number): NumberRange => ({ min, max: MOST_ROWS, whole: true });
const percent: NumberRange = { min: 0, max: 100, whole: false };
const tau: NumberRange = { min: 0, max: 1000, whole: false };

/** Every number that some policy has, in the order of a form: requests, links, forms and backends take it from here. */
export const policyNumbers: Readonly<Record<PolicyNumber, PolicyNumberFacts>> = {
  sinks: { range: rowsFrom(0), label: 'Sinks', meaning: 'First tokens of the text, which always stay' },
  heavy: {
    range: rowsFrom(0),
    label: 'Heavy hitters',
    meaning: 'Older rows that stay for their scores, in each KV head of a store',
  },
  recent: { range: rowsFrom(1), label: 'Recent', meaning: 'Newest rows, which always stay' },
  rows: { range: rowsFrom(1), label: 'Rows', meaning: 'All rows that stay, the newest included' },
  cachePercent: {
    range: percent,
    label: 'Budget (% of prompt)',
    meaning:
      'Instead of numbers of rows: all rows that stay, as a percentage of the text when its last prompt ended',
  },
  recentPercent: {
    range: percent,
    label: 'Recent (% of budget)',
    meaning: 'How much of that budget goes to the newest rows',
  },
  tauInit: { range: tau, label: 'Temperature τ', meaning: 'Of the softmax that scores a prompt' },
  tauDelta: { range: tau, label: 'τ per new token', meaning: 'How much τ rises with each new token' },
  seed: {
    range: { min: 0, max: 2 ** 32 - 1, whole: true },
    label: 'Seed of the noise',
    meaning: 'Same seed, same noise in the scores',
  },
  chunk: {
    range: rowsFrom(1),
    label: 'Chunk',
    meaning: 'Reads a prompt in pieces of so many tokens and evicts after each; empty reads it whole',
  },
};

/** The order of a form. */
export const policyNumberNames = Object.keys(policyNumbers) as readonly PolicyNumber[]; // Object.keys forgets the type
