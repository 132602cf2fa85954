import type { PrefillOptions, SessionOptions } from '../backend.ts';
import { allFinite } from '../numbers/finite.ts';
import type {
  Breathe,
  Decoder,
  DecodersTogether,
  FedToken,
  StepWatch,
  Turn,
  TurnOptions,
} from './decoder.ts';
import type { CpuSession } from './session.ts';
import { likelihoodOf } from './token-likelihood.ts';
import { yieldNowAndThen } from './yield-now-and-then.ts';

/** A turn of a text, and what is wanted of it. */
export interface SessionTurn {
  readonly session: CpuSession;
  readonly decoder: Decoder;
  readonly tokens: readonly number[];
  readonly options: Pick<PrefillOptions, 'mode' | 'likelihoods'> &
    Partial<
      Pick<PrefillOptions, 'logitsAt' | 'onLogits' | 'onHidden' | 'onMovement' | 'onAttention' | 'beforeCut'>
    >;
}

type ReadOptions = Pick<PrefillOptions, 'onPrepared' | 'onProgress' | 'stopped'>;

/** Hidden states of a turn, one per token. */
type Hidden = readonly Float32Array[];

class Stopped extends Error {}

/** Rows whose logits are computed between two looks at the clock. */
const ROWS_AT_ONCE = 16;

/** Rows that are read together, unless a single turn has more: they take memory, and more of them gain nothing. */
const MOST_ROWS = 1024;

/**
 * Reads a turn of each of some texts, together.
 *
 * @throws BackendError `not-finite`
 * @returns false if it was stopped
 */
export async function readTurns(
  decoders: DecodersTogether,
  plan: Pick<SessionOptions, 'sharing' | 'passes'>,
  turns: readonly SessionTurn[],
  options: ReadOptions,
): Promise<boolean> {
  options.onPrepared?.();
  const parts = inParts(turns);
  const allTokens = tokensIn(turns);
  let done = 0;
  for (const part of parts) {
    const onProgress = (fraction: number) => {
      options.onProgress((done + fraction * tokensIn(part)) / allTokens);
    };
    try {
      await new TurnReader(decoders, plan, part, { ...options, onProgress }).read();
    } catch (error) {
      if (error instanceof Stopped) return false;
      throw error;
    }
    done += tokensIn(part);
  }
  return true;
}

const tokensIn = (turns: readonly SessionTurn[]) => turns.reduce((sum, { tokens }) => sum + tokens.length, 0);

function inParts(turns: readonly SessionTurn[]): readonly (readonly SessionTurn[])[] {
  const parts: SessionTurn[][] = [];
  for (const turn of turns) {
    const part = parts.at(-1);
    if (part && tokensIn(part) + turn.tokens.length <= MOST_ROWS) part.push(turn);
    else parts.push([turn]);
  }
  return parts;
}

class TurnReader {
  readonly #decoders: DecodersTogether;
  readonly #plan: Pick<SessionOptions, 'sharing' | 'passes'>;
  readonly #turns: readonly SessionTurn[];
  readonly #options: ReadOptions;
  readonly #starts: ReadonlyMap<SessionTurn, number>;

  constructor(
    decoders: DecodersTogether,
    plan: Pick<SessionOptions, 'sharing' | 'passes'>,
    turns: readonly SessionTurn[],
    options: ReadOptions,
  ) {
    this.#decoders = decoders;
    this.#plan = plan;
    this.#turns = turns;
    this.#options = options;
    this.#starts = new Map(turns.map((turn) => [turn, turn.decoder.tokens]));
  }

  async read(): Promise<void> {
    for (const { decoder, tokens } of this.#turns) decoder.startPrompt(tokens.length);
    const ofMode = (wanted: PrefillOptions['mode']) =>
      this.#turns.filter(({ options }) => options.mode === wanted);
    const [parallel, sequential] = [ofMode('parallel'), ofMode('sequential')];
    const hidden = new Map<SessionTurn, Hidden>();
    const all = tokensIn(this.#turns);
    const [first, rest] = [tokensIn(parallel) / all, tokensIn(sequential) / all];
    const ofParallel = await this.#parallel(parallel, (fraction) => this.#breathe(first * fraction));
    for (const [i, turn] of parallel.entries()) hidden.set(turn, ofParallel[i] ?? []);
    const ofSequential = await this.#sequential(sequential, (fraction) =>
      this.#breathe(first + rest * fraction),
    );
    for (const [i, turn] of sequential.entries()) hidden.set(turn, ofSequential[i] ?? []);
    for (const turn of this.#turns) this.#showFinalNorm(turn, hidden.get(turn) ?? []);
    await this.#readLogits(hidden);
    for (const turn of this.#turns) {
      turn.session.turnWasRead(turn.tokens, hidden.get(turn)?.at(-1));
      await turn.options.beforeCut?.();
      turn.decoder.endPrompt();
    }
  }

  async #breathe(fraction: number): Promise<void> {
    await yieldNowAndThen();
    if (this.#options.stopped()) throw new Stopped();
    this.#options.onProgress(fraction);
  }

  async #parallel(turns: readonly SessionTurn[], breathe: Breathe): Promise<readonly Hidden[]> {
    if (turns.length === 0) return [];
    const asked = turns.map(({ decoder, tokens, options: { onMovement, onHidden, onAttention } }) => ({
      ...{ decoder, tokens, onMovement, onAttention },
      onHidden: onHidden && ((state: number, rows: Hidden) => onHidden(state, flat(rows))),
    }));
    const everyRow = turns.some(
      (turn) =>
        turn.options.onHidden !== undefined || positionsOf(turn).some((at) => at < turn.tokens.length - 1),
    );
    return this.#decoders.parallel(asked, { passes: this.#plan.passes, everyRow, breathe });
  }

  /** Token by token, the next one of each text together. */
  async #sequential(turns: readonly SessionTurn[], breathe: Breathe): Promise<readonly Hidden[]> {
    const hidden = turns.map((): Float32Array[] => []);
    const mostTokens = Math.max(0, ...turns.map(({ tokens }) => tokens.length));
    for (let at = 0; at < mostTokens; at++) {
      const fed = turns.flatMap(({ decoder, tokens, options: { onHidden, onAttention } }, i): Step[] => {
        const token = tokens[at];
        if (token === undefined) return [];
        const states = onHidden && this.#statesOf(decoder);
        let state = 0;
        const onState = states && ((row: Float32Array) => (states[state++] ??= []).push(row.slice()));
        const asked = at === tokens.length - 1 ? onAttention : undefined;
        const watch = onState || asked ? { onState, onAttention: asked } : null;
        return [{ decoder, token, into: hidden[i] ?? [], watch }];
      });
      const together = fed.filter(({ watch }) => watch === null);
      const states = together.length > 0 ? this.#decoders.step(together) : [];
      for (const [i, { into }] of together.entries()) into.push(states[i] ?? new Float32Array());
      for (const { decoder, token, into, watch } of fed) {
        if (watch) into.push(decoder.step(token, watch));
      }
      await breathe((at + 1) / mostTokens);
    }
    for (const { decoder, options } of turns) {
      for (const [state, rows] of this.#statesOf(decoder).entries()) options.onHidden?.(state, flat(rows));
    }
    return hidden;
  }

  /** The hidden states that a watched text has had so far, state by state. */
  readonly #watched = new Map<Decoder, Float32Array[][]>();
  #statesOf(decoder: Decoder): Float32Array[][] {
    const states = this.#watched.get(decoder) ?? [];
    this.#watched.set(decoder, states);
    return states;
  }

  #showFinalNorm({ decoder, options }: SessionTurn, hidden: Hidden): void {
    const state = this.#plan.sharing.layers.length + 1;
    options.onHidden?.(state, flat(hidden.map((row) => decoder.finalNorm(row))));
  }

  /** Hands on the logits and likelihoods that are wanted. The rows of all turns share the reading of the head. */
  async #readLogits(hidden: ReadonlyMap<SessionTurn, Hidden>): Promise<void> {
    const rows = this.#turns.flatMap((turn) => {
      const wanted = new WantedOfTurn(turn);
      return positionsOf(turn).map((position) => ({ turn, position, wanted }));
    });
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
      const block = rows.slice(from, from + ROWS_AT_ONCE);
      const notFinite: typeof block = [];
      const states = block.map(({ turn, position }) => hidden.get(turn)?.[position] ?? new Float32Array());
      this.#decoders.logitsOf(states, (i, logits) => {
        const row = block[i];
        if (!row) return;
        if (!allFinite(logits)) notFinite.push(row);
        if (notFinite.length > 0) return;
        row.wanted.handOn(row.position, logits);
      });
      const [bad] = notFinite;
      if (bad) {
        const { session, tokens } = bad.turn;
        const start = this.#starts.get(bad.turn) ?? 0;
        throw session.notFinite(start + bad.position, tokens[bad.position] ?? 0);
      }
      await yieldNowAndThen();
      if (this.#options.stopped()) throw new Stopped();
    }
  }
}

interface Step extends FedToken {
  readonly into: Float32Array[];
  /** Null to compute it together with others. */
  readonly watch: StepWatch | null;
}

/** What is wanted of the logits of a turn, position by position. */
class WantedOfTurn {
  readonly #options: SessionTurn['options'];
  readonly #asked: ReadonlySet<number>;
  #next = 0;

  constructor({ options }: SessionTurn) {
    this.#options = options;
    this.#asked = new Set(options.logitsAt);
  }

  handOn(position: number, logits: Float32Array): void {
    const { onLogits, likelihoods } = this.#options;
    if (this.#asked.has(position)) onLogits?.(position, logits);
    const wanted = likelihoods?.wanted ?? [];
    for (; wanted[this.#next]?.position === position; this.#next++) {
      likelihoods?.onLikelihood(this.#next, likelihoodOf(logits, wanted[this.#next]?.token ?? 0));
    }
  }
}

/** The positions of a turn whose logits are needed, ascending. */
function positionsOf({ options: { logitsAt = [], likelihoods } }: SessionTurn): readonly number[] {
  const positions = new Set([...logitsAt, ...(likelihoods?.wanted ?? []).map(({ position }) => position)]);
  return [...positions].sort((a, b) => a - b);
}

/** A decoder by itself, as one of several. */
export const alone = (decoder: Decoder): DecodersTogether => ({
  step: (fed) => fed.map(({ token }) => decoder.step(token)),
  parallel: (turns, options: TurnOptions) =>
    Promise.all(turns.map((turn: Turn) => decoder.parallel(turn, options))),
  logitsOf: (hidden, onRow) => {
    decoder.logitsOf(hidden, onRow);
  },
});

/** Rows one behind the other. */
function flat(rows: readonly Float32Array[]): Float32Array {
  const size = rows[0]?.length ?? 0;
  const all = new Float32Array(size * rows.length);
  for (const [i, row] of rows.entries()) all.set(row, i * size);
  return all;
}
