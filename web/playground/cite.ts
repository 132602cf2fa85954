import type { FormName, SettingValue } from '../../worker/settings/setting.ts';
import { settings, type SettingKey } from '../../worker/settings/settings.ts';
import { keysWhere } from '../../worker/settings/values.ts';
import { describeSettings } from '../../worker/settings/words.ts';
import { paperAsBibtex } from '../presets/papers.ts';
import { presetOf } from '../presets/presets.ts';
import { explicitHash } from '../settings/explicit-hash.ts';
import { formatBytes, formatTokensPerSec } from '../ui/format.ts';
import { formatRange, type Spread } from '../ui/spread.ts';
import { kvtabAsBibtex } from './citation-file.ts';
import { cited } from './citation-words.ts';
import { speedsOf } from './speeds.ts';
import { LONGEST_TEXT, type StoredRun } from './stored-run.ts';

/**
 * The part of an address after `#` that asks a run again: all of its own settings, and the mode that ran.
 *
 * @param build whether the link says which build of kvtab ran it, so that another one can warn
 */
export function linkOfRun(run: StoredRun, build: 'with build' | 'without build', table = settings): string {
  const values: Partial<Record<SettingKey, SettingValue>> = { ...run };
  if (run.modelCommit !== null) values.model = `${run.model.replace(/@.*$/, '')}@${run.modelCommit}`;
  // The field of a plain prompt had nothing to do with a chat, and a prompt of this length may have been cut.
  if (run.asked === 'chat' || run.prompt.length === LONGEST_TEXT) delete values.prompt;
  return explicitHash(values, build === 'with build' ? run.build : null, table);
}

/** Whether a form has nothing to say: a cache that keeps everything. */
const isPlain = ({ policy }: StoredRun, form: FormName) =>
  form === 'policy' && (policy === null || policy === settings.policy.initial);

/**
 * A run to paste under a figure: what ran, on what, with what outcome, its prompt, how to run it again, and the entries
 * for a bibliography.
 *
 * @param page the address of the page, without `#`
 * @param runs all kept runs, newest first: those of the same set-up give the spread of the speeds
 */
export function cite(run: StoredRun, page: string, runs: readonly StoredRun[], table = settings): string {
  const forms = new Set(keysWhere((row) => row.form !== null, table).flatMap((key) => table[key].form ?? []));
  const setIn = (form: FormName) => describeSettings(run, (row) => row.form === form, table);
  const speed = (tokensPerSec: number, spread: Spread | null) => {
    if (tokensPerSec <= 0) return cited.notMeasured;
    const median = spread && spread.count > 1 ? formatTokensPerSec(spread.median) : null;
    const range = spread && formatRange(spread, formatTokensPerSec);
    return (
      cited.tokensPerSec(formatTokensPerSec(tokensPerSec)) +
      (median === null ? '' : cited.ofRuns(median, range ?? '', spread?.count ?? 0))
    );
  };
  const speeds = speedsOf(run, runs, table);
  const paper = presetOf(run.layerTypes, run.layerTypes.split('_').length)?.preset.paper;
  const facts = [
    cited.edition(run.build?.replace(/^.*@/, '') ?? null, run.model, run.modelCommit),
    ...[...forms].flatMap((form) =>
      isPlain(run, form) ? [] : [cited.form[form](setIn(form), run.layerTypes)],
    ),
    cited.adapter(run.adapter, run.adapterDetail),
    cited.tokens(run.promptTokens, run.newTokens),
    cited.kv(formatBytes(run.kvBytes), formatBytes(run.kvBytesPerToken)),
    cited.speeds(
      speed(run.prefillTokensPerSec, speeds.prefill),
      speed(run.decodeTokensPerSec, speeds.decode),
    ),
    cited.prompt(run.prompt.replaceAll('\n', '\n  '), run.asked === 'chat'),
    `${page}#${linkOfRun(run, 'with build', table)}`,
  ];
  const references = [
    kvtabAsBibtex(page, run.build, new Date(run.endedAt)),
    ...(paper ? [paperAsBibtex(paper) ?? []] : []),
  ];
  return [facts.join('\n'), ...references].join('\n\n');
}
