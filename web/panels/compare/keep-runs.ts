import type { Playground } from '../../playground/playground.svelte.ts';
import { finishedRun, newRun } from '../../playground/run.ts';
import { commitOf } from '../../settings/endpoint.ts';
import { encodeHash } from '../../settings/hash.ts';
import { spreadOf } from '../../ui/spread.ts';
import type { Compared } from './compared.ts';
import type { TurnRun } from './run-contenders.ts';
import { words } from './words.ts';

/**
 * Puts the runs of a comparison among the kept runs, each under a name that says so, with the medians of its rounds.
 *
 * @param runs one of each contender, in any order
 */
export async function keepRuns(
  { desk, brought }: Pick<Playground, 'desk' | 'brought'>,
  { entries, endedAt }: Compared,
  runs: readonly TurnRun[],
): Promise<void> {
  // Its code may not be there, as without a network: then the comparison itself is kept all the same.
  const library = await desk.openLibrary().catch(() => null);
  if (!library) return;
  for (const [i, { contender, run: measured }] of entries.entries()) {
    const run = runs.find((each) => each.contender.id === contender);
    if (!run || !measured) continue;
    const { config, model, request, result } = run;
    const prefillMs = spreadOf(measured.prefillMs)?.median ?? result.timing.prefillMs;
    const decodeTokensPerSec =
      spreadOf(measured.decodeTokensPerSec)?.median ?? result.timing.decodeTokensPerSec;
    const prefillTokensPerSec = prefillMs > 0 ? (1000 * result.promptTokens) / prefillMs : 0;
    const setup = {
      prompt: config.prompt,
      link: encodeHash(config, model.stored),
      settings: { ...config },
      commit: commitOf(brought.get(model.id)),
    };
    const timing = { ...result.timing, prefillMs, prefillTokensPerSec, decodeTokensPerSec };
    const finished = finishedRun(newRun(i + 1, model, setup, request), { ...result, timing });
    const kept = library.record(finished, measured.text);
    if (kept) library.rename(kept.id, words.keptAs(i + 1, entries.length, new Date(endedAt)));
  }
}
