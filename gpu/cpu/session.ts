import { BackendError } from '../backend-error.ts';
import type {
  DecodeEnd,
  DecodeOptions,
  FeedOptions,
  PrefillOptions,
  Session,
  SessionOptions,
} from '../backend.ts';
import type { StoreRows } from '../kv/store-rows.ts';
import type { KvUsage } from '../kv/usage.ts';
import type { Breathe, Decoder } from './decoder.ts';
import type { SamplingOptions } from '../plan/sampling.ts';
import { allFinite, firstNotFinite } from '../numbers/finite.ts';
import { probabilitiesOf } from './token-probabilities.ts';
import { sampleToken } from './sampler.ts';
import { likelihoodOf } from './token-likelihood.ts';

/** A text that a decoder on the processor writes: its tokens, sampling and stops. */
export class CpuSession implements Session {
  readonly #options: Pick<SessionOptions, 'sharing' | 'passes' | 'probabilities'>;
  readonly #closed: () => void;
  readonly #history: number[] = [];
  readonly #decoder: Decoder;
  #hidden: Float32Array = new Float32Array();

  constructor(
    decoder: Decoder,
    options: Pick<SessionOptions, 'sharing' | 'passes' | 'probabilities'>,
    closed: () => void,
  ) {
    this.#decoder = decoder;
    this.#options = options;
    this.#closed = closed;
  }

  get allocatedBytes(): number {
    return this.#decoder.allocatedBytes;
  }

  async prefill(tokens: readonly number[], options: PrefillOptions): Promise<boolean> {
    const { passes } = this.#options;
    const { onMovement, onHidden, likelihoods } = options;
    const start = this.#decoder.tokens;
    options.onPrepared?.();
    this.#decoder.startPrompt(tokens.length);
    const positions = [
      ...new Set([...options.logitsAt, ...(likelihoods?.wanted ?? []).map(({ position }) => position)]),
    ].sort((a, b) => a - b);
    const everyRow = onHidden !== undefined || positions.some((position) => position < tokens.length - 1);
    const breathe: Breathe = async (fraction) => {
      await yieldNowAndThen();
      if (options.stopped()) throw new Stopped();
      options.onProgress(fraction);
    };
    try {
      const hidden =
        options.mode === 'parallel'
          ? await this.#decoder.parallel(tokens, {
              passes,
              everyRow,
              breathe,
              onMovement,
              onHidden: onHidden && ((state, rows) => onHidden(state, flat(rows))),
            })
          : await this.#sequential(tokens, breathe, onHidden);
      if (onHidden) {
        const { layers } = this.#options.sharing;
        onHidden(layers.length + 1, flat(hidden.map((row) => this.#decoder.finalNorm(row))));
      }
      await this.#readLogits(positions, hidden, tokens, start, options);
      this.#hidden = hidden.at(-1)?.slice() ?? this.#hidden;
    } catch (error) {
      if (error instanceof Stopped) return false;
      throw error;
    }
    // A last token that was written but never fed has no place in the text unless the turn brings it.
    this.#history.length = this.#decoder.tokens - tokens.length;
    this.#history.push(...tokens);
    this.#decoder.stores.keep(this.#decoder.tokens);
    await options.beforeCut?.();
    this.#decoder.endPrompt();
    return true;
  }

  async feed(tokens: readonly number[], options: FeedOptions): Promise<boolean> {
    this.#history.length = this.#decoder.tokens;
    const wanted = options.likelihoods?.wanted ?? [];
    let next = 0;
    for (const [index, token] of tokens.entries()) {
      await yieldNowAndThen();
      if (options.stopped()) return false;
      this.#history.push(token);
      this.#feed(token);
      if (options.onLogits || wanted[next]?.position === index) {
        const logits = this.#decoder.logits(this.#hidden);
        if (!allFinite(logits)) throw this.#notFinite(this.#decoder.tokens - 1, token);
        options.onLogits?.(index, logits);
        for (; wanted[next]?.position === index; next++) {
          options.likelihoods?.onLikelihood(next, likelihoodOf(logits, wanted[next]?.token ?? 0));
        }
      }
      await options.onFed?.(index);
    }
    return true;
  }

  /** Hands on the logits and likelihoods that are wanted of a turn that was read. */
  async #readLogits(
    positions: readonly number[],
    hidden: readonly Float32Array[],
    tokens: readonly number[],
    start: number,
    { logitsAt, onLogits, likelihoods, stopped }: PrefillOptions,
  ): Promise<void> {
    const asked = new Set(logitsAt);
    const wanted = likelihoods?.wanted ?? [];
    let next = 0;
    for (let from = 0; from < positions.length; from += ROWS_AT_ONCE) {
      const block = positions.slice(from, from + ROWS_AT_ONCE);
      const rows = block.map((position) => hidden[position] ?? new Float32Array());
      const notFinite: number[] = [];
      this.#decoder.logitsOf(rows, (i, logits) => {
        const position = block[i] ?? 0;
        if (!allFinite(logits)) notFinite.push(position);
        if (notFinite.length > 0) return;
        if (asked.has(position)) onLogits(position, logits);
        for (; wanted[next]?.position === position; next++) {
          likelihoods?.onLikelihood(next, likelihoodOf(logits, wanted[next]?.token ?? 0));
        }
      });
      const [bad] = notFinite;
      if (bad !== undefined) throw this.#notFinite(start + bad, tokens[bad] ?? 0);
      await yieldNowAndThen();
      if (stopped()) throw new Stopped();
    }
  }

  #feed(token: number): void {
    this.#hidden = this.#decoder.feed(token);
    this.#decoder.stores.keep(this.#decoder.tokens);
  }

  async #sequential(tokens: readonly number[], breathe: Breathe, onHidden: PrefillOptions['onHidden']) {
    const hidden: Float32Array[] = [];
    const states: Float32Array[][] = [];
    for (const token of tokens) {
      let state = 0;
      const keep = (row: Float32Array) => (states[state++] ??= []).push(row.slice());
      hidden.push(this.#decoder.step(token, onHidden && keep));
      await breathe(hidden.length / tokens.length);
    }
    for (const [state, rows] of states.entries()) onHidden?.(state, flat(rows));
    return hidden;
  }

  async decode(options: DecodeOptions): Promise<DecodeEnd> {
    for (let newTokens = 0; newTokens < options.maxNewTokens; newTokens++) {
      await yieldNowAndThen();
      if (options.stopped()) return 'stopped';
      if (newTokens > 0) {
        this.#feed(this.#history.at(-1) ?? 0);
      }
      const logits = this.#decoder.logits(this.#hidden);
      const token = this.draw(logits, options.sampling);
      options.onToken(token, this.#options.probabilities ? probabilitiesOf(logits, token) : null);
      if (options.endTokens.has(token)) return 'end-of-text';
    }
    return 'length';
  }

  /** The hidden state from which the next token is drawn. */
  get hidden(): Float32Array {
    return this.#hidden;
  }

  /** The token that was drawn last, if it was not fed yet. */
  get unfed(): number | null {
    return this.#history.length > this.#decoder.tokens ? (this.#history.at(-1) ?? null) : null;
  }

  /** Notes that {@link unfed} was fed together with other texts, which left this hidden state. */
  fed(hidden: Float32Array): void {
    this.#hidden = hidden;
    this.#decoder.stores.keep(this.#decoder.tokens);
  }

  /**
   * Draws the next token from the logits of the hidden state.
   *
   * @throws BackendError `not-finite`
   */
  draw(logits: Float32Array, sampling: SamplingOptions): number {
    if (!allFinite(logits)) throw this.#notFinite(this.#decoder.tokens - 1, this.#history.at(-1) ?? 0);
    const token = sampleToken(logits, this.#history, this.#history.length, sampling);
    this.#history.push(token);
    return token;
  }

  /** The failure of a run whose logits at a position are not finite. Decodes the position once more to find out where. */
  #notFinite(position: number, token: number): BackendError {
    this.#decoder.rewind(position);
    const states: Float32Array[] = [];
    this.#decoder.step(token, (hidden) => states.push(hidden.slice()));
    return new BackendError({ code: 'not-finite', position, where: firstNotFinite(states) });
  }

  rowsHeld(): Promise<readonly StoreRows[]> {
    return Promise.resolve(this.#decoder.rowsHeld());
  }

  rewind(tokens: number): boolean {
    return this.#decoder.rewind(tokens);
  }

  profileStep(): Promise<null> {
    return Promise.resolve(null);
  }

  kvUsage(): KvUsage {
    return this.#decoder.stores.usage();
  }

  get kvBytesInUse(): number {
    return this.#decoder.stores.bytesInUse;
  }

  close(): void {
    this.#decoder.close();
    this.#closed();
  }
}

class Stopped extends Error {}

/** Rows whose logits are computed between two looks at the clock. */
const ROWS_AT_ONCE = 16;

/** Rows one behind the other. */
function flat(rows: readonly Float32Array[]): Float32Array {
  const size = rows[0]?.length ?? 0;
  const all = new Float32Array(size * rows.length);
  for (const [i, row] of rows.entries()) all.set(row, i * size);
  return all;
}

let lastYieldMs = 0;

/** Lets the worker receive a stop. Takes a macrotask, at most every 10 ms, because a microtask lets no message in. */
export async function yieldNowAndThen(): Promise<void> {
  if (performance.now() - lastYieldMs < 10) return;
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
  lastYieldMs = performance.now();
}
