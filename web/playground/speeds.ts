import { belongsToRun } from '../../worker/settings/setting.ts';
import { settings } from '../../worker/settings/settings.ts';
import { keysWhere } from '../../worker/settings/values.ts';
import { spreadOf, type Spread } from '../ui/spread.ts';
import type { StoredRun } from './stored-run.ts';

/** How many of the last runs count. */
const LAST_RUNS = 10;

/** The speeds of the last runs of one set-up; null if none was measured. */
export interface Speeds {
  readonly decode: Spread | null;
  readonly prefill: Spread | null;
}

/** What decides the speed of a run. The text of the prompt and the seed do not; the length of the prompt does. */
function setUpOf(run: StoredRun, table: typeof settings): string {
  const set = keysWhere((row) => belongsToRun(row) && row.part !== 'prompt', table)
    .filter((key) => key !== 'seed')
    .map((key) => run[key as keyof StoredRun]); // a stored run has every setting of a run
  const { modelCommit, mode, adapter, adapterDetail, build, watched, promptTokens } = run;
  return JSON.stringify([...set, modelCommit, mode, adapter, adapterDetail, build, watched, promptTokens]);
}

/**
 * The speeds of a run and of the last runs before it that had the same set-up.
 *
 * @param runs newest first
 */
export function speedsOf(run: StoredRun, runs: readonly StoredRun[], table = settings): Speeds {
  const setUp = setUpOf(run, table);
  const same = runs
    .filter((other) => other.endedAt <= run.endedAt && setUpOf(other, table) === setUp)
    .slice(0, LAST_RUNS);
  return {
    decode: spreadOf(same.map(({ decodeTokensPerSec }) => decodeTokensPerSec)),
    prefill: spreadOf(same.map(({ prefillTokensPerSec }) => prefillTokensPerSec)),
  };
}
