/** How a run differs from the one before it. */
import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import type { Speeds } from '../../playground/speeds.ts';
import type { StoredRun } from '../../playground/stored-run.ts';
import { firstDifference } from '../../ui/first-difference.ts';
import { alike, type Spread } from '../../ui/spread.ts';

/** What can be said fairly of two runs; null where nothing can. */
export interface AgainstLast {
  /** KV of this run over that of the last one, minus 1. */
  readonly kv: number | null;
  readonly decode: DecodeAgainst | null;
  /** Of continuations of one prompt: the first word, counted from 1, in which they differ; 'same' if there is none. */
  readonly text: number | 'same' | null;
}

/** Decoding speeds of two runs. A single measurement has no known noise, so both are told then. */
export type DecodeAgainst =
  | { readonly as: 'alike' }
  | { readonly as: 'faster'; readonly by: number }
  | { readonly as: 'single'; readonly now: number; readonly before: number };

/**
 * @param before the run before, of this visit
 * @param speedsOf the speeds of a run and of earlier ones of the same set-up
 */
export function againstLast(
  run: StoredRun,
  before: StoredRun,
  speedsOf: (run: StoredRun) => Speeds,
): AgainstLast {
  const sameAdapter = run.adapter === before.adapter && run.adapterDetail === before.adapterDetail;
  const samePrompt = run.asked === 'text' && before.asked === 'text' && run.prompt === before.prompt;
  // KV and speed of several texts that were written together are those of all of them.
  const asMany = (run.continuations ?? 1) === (before.continuations ?? 1);
  const kv = asMany ? kvRatio(run, before) : null;
  return {
    kv: kv === null ? null : kv - 1,
    decode: sameAdapter && asMany ? decodeAgainst(speedsOf(run).decode, speedsOf(before).decode) : null,
    text: samePrompt ? firstWordThatDiffers(run.text, before.text) : null,
  };
}

/** Of the bytes at the end if both hold as many tokens, else of the bytes of a token, if those are constant. */
function kvRatio(run: StoredRun, before: StoredRun): number | null {
  const tokensOf = ({ promptTokens, newTokens }: StoredRun) => promptTokens + newTokens;
  const single = [run, before].every(({ continuations }) => (continuations ?? 1) === 1);
  if (single && tokensOf(run) === tokensOf(before))
    return before.kvBytes > 0 ? run.kvBytes / before.kvBytes : null;
  const grows = (each: StoredRun) => each.policy === keepEverything.id && !each.layerTypes.includes('s');
  return grows(run) && grows(before) && before.kvBytesPerToken > 0
    ? run.kvBytesPerToken / before.kvBytesPerToken
    : null;
}

function decodeAgainst(now: Spread | null, before: Spread | null): DecodeAgainst | null {
  if (!now || !before) return null;
  const same = alike(now, before);
  if (same === null) return { as: 'single', now: now.median, before: before.median };
  return same ? { as: 'alike' } : { as: 'faster', by: now.median / before.median - 1 };
}

/** The shorter of two texts may end where the other goes on. */
function firstWordThatDiffers(text: string, before: string): number | 'same' {
  const parting = firstDifference(before, text);
  return parting === null || parting.own === '' || parting.other === '' ? 'same' : parting.commonWords + 1;
}
