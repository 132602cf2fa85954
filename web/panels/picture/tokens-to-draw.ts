import type { Run } from '../../playground/run.ts';

interface Drawn {
  /** The run that is shown; null if there is none. */
  readonly run:
    | (Pick<Run, 'prompt' | 'promptTokens' | 'request'> & {
        readonly textTokens: number;
        readonly writing: boolean;
      })
    | null;
  readonly prompt: string;
  readonly maxNewTokens: number | null;
  readonly contextTokens: number | null;
  /** How many cells have room side by side. */
  readonly mostCells: number;
}

/** A picture of fewer tokens would show nothing. */
const FEWEST = 16;
const INITIAL_NEW_TOKENS = 128;

/**
 * How many tokens the picture is wide. While a run writes: all that it was asked for, as far as that leaves cells for what
 * is there, so that nothing moves. Then: what it wrote. Without a run: what could be asked for.
 */
export function tokensToDraw({ run, prompt, maxNewTokens, contextTokens, mostCells }: Drawn): number {
  if (run?.writing) {
    const asked = Math.max((run.promptTokens ?? 0) + run.request.maxNewTokens, run.textTokens);
    let room = Math.max(FEWEST, mostCells);
    while (room < run.textTokens + 1) room *= 2;
    return Math.max(FEWEST, Math.min(asked, room));
  }
  if (run && run.textTokens > 0) return Math.max(FEWEST, run.textTokens);
  const known = run?.prompt === prompt ? (run.promptTokens ?? 0) : 0;
  const asked = known + (maxNewTokens ?? INITIAL_NEW_TOKENS);
  return Math.max(FEWEST, Math.min(asked, contextTokens ?? asked));
}
