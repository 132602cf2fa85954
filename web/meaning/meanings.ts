import type { Meaning } from './meaning.ts';
import { figures } from './terms/figures.ts';
import { measures } from './terms/measures.ts';
import { policies } from './terms/policies.ts';
import { precision } from './terms/precision.ts';
import { sampling } from './terms/sampling.ts';
import { sharing } from './terms/sharing.ts';

/** Other names that the laboratory has for the same terms. */
const alsoCalled = {
  Windows: sharing['Sliding window'],
  'Forward passes of parallel mode': sharing['Forward passes'],
  'Rows kept': policies.Rows,
  'Timed rounds': measures.Rounds,
  'Sequences timed at once': measures.Throughput,
};

/** Every term of the page that has an explanation, by the name that the page gives it. */
export const meanings = {
  ...sharing,
  ...policies,
  ...sampling,
  ...precision,
  ...figures,
  ...measures,
  ...alsoCalled,
};

export type MeaningOf = keyof typeof meanings;

/** @throws if nobody has explained the term */
export function meaningOf(name: string): Meaning {
  const all: Readonly<Record<string, Meaning>> = meanings;
  const meaning = Object.hasOwn(all, name) ? all[name] : undefined;
  if (!meaning) throw new Error(`“${name}” has no explanation`);
  return meaning;
}
