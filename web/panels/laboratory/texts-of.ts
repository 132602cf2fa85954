import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { sourceOf } from '../../../worker/laboratory/measure-items.ts';

/** The digests of the texts that an experiment names. */
export function textsOf(json: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    return readExperiment(json).measures.flatMap((measure) => sourceOf(measure)?.sha256 ?? []);
  } catch {
    return []; // an older version kept it
  }
}
