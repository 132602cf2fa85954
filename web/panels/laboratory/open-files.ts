/** Experiments and results that come from links and files: hostile until they are checked. */
import { BadJson, parseHostileJson } from '../../../worker/hostile-json.ts';
import { readResults, type ItemRecord } from '../../../worker/laboratory/records.ts';
import { Refused } from '../../../worker/outcome.ts';
import { fileLimits, linkLimits } from './json-limits.ts';

export type LaboratoryFile =
  | { readonly kind: 'experiment'; readonly experiment: unknown }
  | { readonly kind: 'results'; readonly experiment: unknown; readonly records: readonly ItemRecord[] }
  | { readonly kind: 'text' };

/**
 * The JSON of an experiment. What it says is checked when it is opened.
 *
 * @param from a link, or the name of a file
 * @throws Refused with `bad-request`
 */
export function readExperimentText(text: string, from: string): unknown {
  try {
    return parseHostileJson(text, from === 'link' ? linkLimits : fileLimits);
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    throw new Refused({ code: 'bad-request', field: from, reason: error.message });
  }
}

/**
 * What a file is: an experiment, the results of one as the command line writes them, or any other text.
 *
 * @throws Refused with `bad-request` for a file that is called JSON and is not
 */
export function readLaboratoryFile(text: string, name: string): LaboratoryFile {
  if (text.startsWith('{"kvtab":')) {
    const { head, records } = readResults(text);
    if (head) return { kind: 'results', experiment: head.experiment, records };
  }
  if (/\.json$/i.test(name)) return { kind: 'experiment', experiment: readExperimentText(text, name) };
  return { kind: 'text' };
}
