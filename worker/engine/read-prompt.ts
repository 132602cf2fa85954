import type { DecodeEnd, DecodeOptions, Session } from '../../gpu/backend.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import type { PromptTurn } from '../protocol/generate.ts';
import { throttle, type RunClock } from '../run-clock.ts';
import type { RunOptions } from './generate.ts';
import { piecesOf, readsAsDecoding } from './open-policy.ts';
import type { PromptLogits } from './prompt-logits.ts';
import type { RunWatch } from './watch-run.ts';

const PROGRESS_INTERVAL_MS = 100;
/** Tokens that are fed between two reports of progress. */
const FED_AT_ONCE = 32;

/** How the turns of a prompt are read. */
export interface Reading {
  readonly turns: readonly PromptTurn[];
  readonly modeOf: (tokens: number) => Mode;
  readonly policy: Policy;
}

/** What is recorded on the way. */
interface Records {
  readonly logits: PromptLogits;
  readonly watch: RunWatch;
  readonly clock: RunClock;
}

/**
 * Reads all turns, and generates greedily what a turn asks for. The last token of those was never fed: it heads the
 * next turn's prompt.
 *
 * @param text receives every token of the text
 * @returns the mode in which the last turn was read; null if the run was stopped before the end
 */
export async function readPrompt(
  session: Session,
  { turns, modeOf, policy }: Reading,
  text: number[],
  { logits, watch, clock }: Records,
  { emit, stopped }: RunOptions,
): Promise<Mode | null> {
  const promptTokens = turns.reduce((sum, { tokens }) => sum + tokens.length, 0);
  let read = 0;
  let unfed: readonly number[] = [];
  let mode: Mode = 'parallel';
  for (const { tokens, newTokens } of turns) {
    // A chunk of a turn is read as the turn would be.
    mode = modeOf(unfed.length + tokens.length);
    const modeHere = mode;
    const pieces = piecesOf([...unfed, ...tokens], policy);
    // Where the piece begins, counted in the tokens that the request gives.
    let given = read - unfed.length;
    for (let index = 0; index < pieces.length; index++) {
      const start = given;
      const single = index > 0 && readsAsDecoding(policy) && !watch.everyStep;
      // The scores before the last cut are read back from a piece that is read as a prompt.
      const feedable = single ? pieces.length - index - (watch.scores ? 1 : 0) : 0;
      const block = pieces.slice(index, index + Math.min(FED_AT_ONCE, feedable)).flat();
      if (block.length > 0 && logits.wantedIn(start, block.length).length === 0) {
        if (!(await session.feed(block, { stopped }))) return null;
        given += block.length;
        index += block.length - 1;
        emit({ type: 'prefill', fraction: Math.max(0, given / promptTokens), promptTokens, mode: modeHere });
        await watch.fed(block, new Float32Array());
        continue;
      }
      const piece = pieces[index] ?? [];
      let done = 0; // of this piece
      const report = () => {
        const fraction = Math.max(0, (start + done * piece.length) / promptTokens);
        emit({ type: 'prefill', fraction, promptTokens, mode: modeHere });
      };
      const reportSometimes = throttle(PROGRESS_INTERVAL_MS, report);
      const wanted = logits.wantedIn(start, piece.length).filter((position) => start + position >= read);
      const last = piece.length - 1;
      let lastRow = new Float32Array();
      const finished = await session.prefill(piece, {
        mode,
        logitsAt: watch.everyStep && wanted.at(-1) !== last ? [...wanted, last] : wanted,
        onLogits: (position, row) => {
          logits.take(start + position, row);
          if (watch.everyStep && position === last) lastRow = row.slice();
        },
        onPrepared: () => {
          clock.startPrefill();
        },
        onProgress: (fraction) => {
          done = fraction;
          reportSometimes();
        },
        stopped,
        ...(watch.scores && index === pieces.length - 1 && { beforeCut: () => watch.beforeCut() }),
      });
      if (!finished) return null;
      done = 1;
      report();
      await watch.fed(piece, lastRow);
      if (watch.scores && index === pieces.length - 1) await watch.afterCut();
      given += piece.length;
    }
    text.push(...tokens);
    read += tokens.length;
    unfed = [];
    if (newTokens === 0) continue;
    const drawn: number[] = [];
    const end = await decodeWatched(session, watch, {
      sampling: greedy,
      maxNewTokens: newTokens,
      endTokens: new Set(),
      onToken: (token) => drawn.push(token),
      stopped,
    });
    text.push(...drawn);
    if (end === 'stopped') return null;
    unfed = drawn.slice(-1);
  }
  return mode;
}

/** Decodes; if the stores are watched, a few tokens at a time, the last of which is fed before the next is drawn. */
export async function decodeWatched(
  session: Session,
  watch: RunWatch,
  options: DecodeOptions,
): Promise<DecodeEnd> {
  let left = options.maxNewTokens;
  while (left > 0) {
    const tokens: number[] = [];
    const end = await session.decode({
      ...options,
      maxNewTokens: Math.min(left, watch.stepsAtOnce),
      onToken: (token, probabilities) => {
        tokens.push(token);
        options.onToken(token, probabilities);
      },
    });
    left -= tokens.length;
    if (end !== 'length' || left === 0) return end;
    let logits = new Float32Array();
    const fed = await session.feed(tokens.slice(-1), {
      onLogits: (_, row) => (logits = row.slice()),
      stopped: options.stopped,
    });
    if (!fed) return 'stopped';
    await watch.fed(tokens, logits);
  }
  return 'length';
}
