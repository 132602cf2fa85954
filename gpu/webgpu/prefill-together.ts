import type { BatchOptions, BatchPrefillOptions, BatchTurn } from '../backend.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import type { PlacedText } from './batch-text.ts';
import { feedTogether, type SteppableBatch } from './feed-together.ts';
import type { Columns } from './kernels/columns.ts';
import { needsEveryRow, nothingAsked, prefillTurns, type TurnToRead } from './prefill.ts';
import type { PrefillScratch } from './prefill-scratch.ts';
import { rowsSeenBefore } from './prompt-stores.ts';

/** A batch as its turns are read. */
export interface ReadableBatch extends SteppableBatch {
  readonly passes: BatchOptions['passes'];
  readonly scratch: PrefillScratch;
  readonly columnsFor: (rows: number) => Columns;
}

/** A turn of a text of the batch. */
export type PlacedTurn = Omit<BatchTurn, 'text'> & { readonly text: PlacedText };

/** A turn that is read layer by layer. */
interface Opened {
  readonly text: PlacedText;
  readonly mode: BatchTurn['mode'];
  readonly turn: TurnToRead;
}

/**
 * Reads a turn of each of some texts. Those that have the same schedule are read together, as far as their rows fill a
 * block: more of them would take memory and gain nothing.
 *
 * @throws BackendError `not-finite`
 * @returns false if it was stopped
 */
export async function prefillTogether(
  batch: ReadableBatch,
  turns: readonly PlacedTurn[],
  options: BatchPrefillOptions,
): Promise<boolean> {
  const allTokens = turns.reduce((sum, { tokens }) => sum + tokens.length, 0);
  let done = 0;
  let prepared = false;
  const reports = (tokens: number) => ({
    onPrepared: () => {
      if (!prepared) options.onPrepared?.();
      prepared = true;
    },
    onProgress: (fraction: number) => {
      options.onProgress((done + fraction * tokens) / allTokens);
    },
    stopped: options.stopped,
  });

  const hasPolicy = batch.buffers.evictionMemory !== null;
  const stepped = turns.filter(({ mode }) => mode === 'sequential' && !hasPolicy);
  if (stepped.length > 0) {
    const tokens = stepped.reduce((sum, each) => sum + each.tokens.length, 0);
    const { onPrepared, onProgress, stopped } = reports(tokens);
    for (const { text } of stepped) text.forgetSeen();
    const onFed = (fed: number) => {
      onProgress(fed / tokens);
    };
    const columns = batch.columnsFor(stepped.length);
    if (!(await feedTogether(batch, stepped, columns, { onPrepared, onFed, stopped }))) return false;
    done += tokens;
  }

  const rest = turns.filter((each) => !stepped.includes(each));
  for (const group of groupsOf(batch, rest)) {
    const tokens = group.reduce((sum, each) => sum + each.tokens.length, 0);
    const opened = group.map(({ text, mode, tokens, likelihoods }): Opened => ({
      text,
      mode,
      turn: text.startTurn(tokens, likelihoods ?? null, intoOf(batch, text)),
    }));
    const [first] = opened;
    if (!first) continue;
    const finished = await prefillTurns(
      { ...batch.shared, session: first.turn.session, columns: 1 },
      batch.passes,
      {
        mode: first.mode,
        turns: opened.map(({ turn }) => turn),
        asked: nothingAsked,
        options: reports(tokens),
        scratch: batch.scratch,
      },
    );
    for (const { text, turn } of opened) text.endTurn(turn, finished);
    if (!finished) return false;
    done += tokens;
  }
  return true;
}

/** Where the hidden state of a turn's last row waits for its text's first token. */
function intoOf({ shared, buffers }: SteppableBatch, { place }: PlacedText): TurnToRead['into'] {
  return { buffer: buffers.waiting, offset: 4 * paddedCols(shared.dims.hiddenSize) * place };
}

/** Turns that are read together. */
function groupsOf(batch: ReadableBatch, turns: readonly PlacedTurn[]): readonly (readonly PlacedTurn[])[] {
  const { chunkRows } = batch.shared.context.tuning;
  const groups: { readonly key: string; readonly turns: PlacedTurn[]; slots: number }[] = [];
  for (const turn of turns) {
    const key = scheduleOf(turn);
    const slots = slotsOf(batch, turn);
    const group = groups.findLast((each) => each.key === key);
    if (group && group.slots + slots <= chunkRows) {
      group.turns.push(turn);
      group.slots += slots;
    } else {
      groups.push({ key, turns: [turn], slots });
    }
  }
  return groups.map((group) => group.turns);
}

/** What the schedule and the stores of a turn depend on. */
function scheduleOf({ text: { buffers: session }, tokens, mode, likelihoods }: PlacedTurn): string {
  const turn = { session, likelihoods: likelihoods ?? null, rows: tokens.length };
  const everyRow = needsEveryRow(turn, nothingAsked);
  const kinds = [...session.storeBuffers.values()].map(({ slots }) => slots.kind);
  return [mode, session.stores.tokens === 0, everyRow, ...kinds].join();
}

/** Slots of the largest store that only the prefill has: those of the turn, and of what it sees before. */
function slotsOf({ shared, buffers }: ReadableBatch, { text, tokens }: PlacedTurn): number {
  const { stores, storeBuffers } = text.buffers;
  if (buffers.evictionMemory) return tokens.length + Math.max(...stores.caches.map(({ rows }) => rows));
  const hasRing = [...storeBuffers.values()].some(({ slots }) => slots.kind === 'ring');
  return tokens.length + (hasRing ? rowsSeenBefore(stores.tokens, shared.sharing.windowTokens) : 0);
}
