import type { FormName } from '../../../worker/settings/setting.ts';
import { settings } from '../../../worker/settings/settings.ts';
import { describeSettings } from '../../../worker/settings/words.ts';
import type { Run } from '../../playground/run.ts';
import { adapterTitle, describeAdapter } from '../../ui/describe-adapter.ts';
import { formatBytes, formatTokensPerSec } from '../../ui/format.ts';
import { cited } from './words.ts';

/** What a citation says in addition to the run itself. */
export interface Edition {
  /** The commit that the page was built from. */
  readonly commit: string;
  /** Opens the page with the settings of the run. */
  readonly link: string;
}

/** A run in a few lines to paste under a figure: what ran, on what, with what outcome, and how to run it again. */
export function cite(run: Run, { commit, link }: Edition, table = settings): string {
  const adapter = describeAdapter(run.adapter);
  // The mode that ran: the setting may say "auto".
  const values = { ...run.settings, ...(run.mode && { mode: run.mode }) };
  const inForm = (form: FormName) => describeSettings(values, (row) => row.form === form, table);
  const speed = (tokensPerSec: number | undefined) =>
    tokensPerSec !== undefined && tokensPerSec > 0
      ? cited.tokensPerSec(formatTokensPerSec(tokensPerSec))
      : cited.notMeasured;
  const lines = [
    cited.edition(commit, run.modelId),
    cited.plan(run.layerTypes, inForm('sharing')),
    cited.precision(inForm('precision')),
    cited.sampling(inForm('sampling')),
    cited.adapter(adapterTitle(adapter), adapter.detail),
    cited.tokens(run.promptTokens, run.newTokens),
    cited.kv(run.kv && cited.kvBytes(formatBytes(run.kv.bytes), formatBytes(run.kv.bytesPerToken))),
    cited.speeds(speed(run.timing?.prefillTokensPerSec), speed(run.timing?.decodeTokensPerSec)),
    link,
  ];
  return lines.join('\n');
}
