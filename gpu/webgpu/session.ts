import { BackendError } from '../backend-error.ts';
import type {
  DecodeEnd,
  DecodeOptions,
  FeedOptions,
  PrefillOptions,
  Session,
  SessionOptions,
} from '../backend.ts';
import type { GpuContext } from './device.ts';
import type { Forward } from './forward.ts';
import type { GpuWeights } from './weights.ts';
import type { Recording } from './kernel.ts';
import { NOT_FINITE } from './kernels/sample.ts';
import type { Scope } from './memory.ts';
import { prefillTurns, type TurnToRead } from './prefill.ts';
import { allFinite } from '../numbers/finite.ts';
import type { KernelTime } from '../plan/kernel-time.ts';
import { maskOf, visibleKeys } from '../kv/mask.ts';
import type { StoreRows } from '../kv/store-rows.ts';
import { kvRowBytes, MAX_STEPS_IN_FLIGHT, type KvUsage } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { WantedToken } from '../plan/token-likelihood.ts';
import { probabilitiesWords, readProbabilities } from './read-probabilities.ts';
import { recordHead, recordLayers, recordSample } from './decode.ts';
import { packSampling } from './pack-sampling.ts';
import { stepBytesOf, stepsInFlightOf, TokensInFlight } from './tokens-in-flight.ts';
import { allocateSession } from './session-buffers.ts';

/** Everything that is replayed for a token. The lists are empty if the session does not compute probabilities. */
export interface Recordings {
  readonly layers: Recording;
  readonly head: Recording;
  readonly sample: Recording;
  /** Before and after the sampler, which changes the logits in place. */
  readonly kept: readonly Recording[];
  readonly probabilities: readonly Recording[];
}

/** A text on the GPU: recorded once, replayed for every token. */
export class GpuSession implements Session {
  readonly #forward: Forward;
  readonly #options: Pick<SessionOptions, 'passes'>;
  readonly #recordings: Recordings;
  readonly #onClose: () => void;
  /** Settles, never rejects, when no read-back of an earlier continuation is in flight. */
  #drained: Promise<void> = Promise.resolve();

  static async open(
    context: GpuContext,
    dims: ModelDims,
    weights: GpuWeights,
    options: SessionOptions,
    onClose: () => void,
  ): Promise<GpuSession> {
    const scope = context.ledger.scope('session');
    const kvScope = context.ledger.scope('kv');
    const free = () => {
      scope.free();
      kvScope.free();
    };
    try {
      const eviction = options.eviction
        ? (await import('./eviction.ts')).Eviction.alone(
            context,
            dims,
            options.kvPrecision,
            options.eviction,
            scope,
            kvScope,
          )
        : null;
      const session = allocateSession(context, dims, options, scope, kvScope, weights.inParts, eviction);
      const { sharing, kvPrecision } = options;
      const keyValueWeights = await weights.keyValueWeights(sharing.layers, scope);
      const shared = { context, dims, sharing, kvPrecision, weights, keyValueWeights };
      const forward: Forward = { ...shared, session, columns: 1 };
      const recorded = (record: typeof recordLayers) => {
        const recorder = context.kernels.record(scope);
        record(recorder, forward);
        return recorder.finish();
      };
      const asked = session.probabilities ? await import('./record-probabilities.ts') : null;
      const recordings = Promise.all([
        recorded(recordLayers),
        recorded(recordHead),
        recorded(recordSample),
        Promise.all(asked ? [recorded(asked.recordKeptLogits)] : []),
        Promise.all(asked ? [recorded(asked.recordProbabilities)] : []),
      ]);
      recordings.catch(() => undefined); // The await below reports the rejection.
      await Promise.all([scope.settled(), kvScope.settled()]);
      const [layers, head, sample, kept, probabilities] = await recordings;
      return new GpuSession(forward, options, { layers, head, sample, kept, probabilities }, () => {
        free();
        onClose();
      });
    } catch (error) {
      free();
      throw error;
    }
  }

  /** @param onClose frees what the session has */
  constructor(
    forward: Forward,
    options: Pick<SessionOptions, 'passes'>,
    recordings: Recordings,
    onClose: () => void,
  ) {
    this.#forward = forward;
    this.#options = options;
    this.#recordings = recordings;
    this.#onClose = onClose;
  }

  async prefill(tokens: readonly number[], options: PrefillOptions): Promise<boolean> {
    const { context, session } = this.#forward;
    const turn = this.startTurn(tokens, options.likelihoods ?? null);
    // Hidden states and attention are taken layer by layer, which a recorded step cannot do.
    const taken = options.onHidden ?? options.onAttention;
    const byLayers = options.mode === 'parallel' || session.eviction !== null || taken !== undefined;
    const { mode } = options;
    const request = { mode, turns: [turn], asked: options, options, scratch: null };
    const finished = await context.wait(
      byLayers ? prefillTurns(this.#forward, this.#options.passes, request) : this.#sequential(turn, options),
    );
    if (byLayers) this.endTurn(turn, finished);
    else if (finished) this.keep(turn.start + turn.rows);
    return finished;
  }

  /** A turn is about to be read. */
  startTurn(tokens: readonly number[], likelihoods: TurnToRead['likelihoods']): TurnToRead {
    const { session } = this.#forward;
    const start = session.stores.tokens;
    this.writeTokens(start, tokens);
    this.forgetSeen();
    return {
      ...{ session, start, rows: tokens.length, likelihoods },
      into: { buffer: session.hidden, offset: 0 },
      notFinite: (row) => this.notFinite(start + row),
    };
  }

  /** Discarded steps of an earlier turn, and texts that had the place before, have marked tokens. */
  forgetSeen(): void {
    const { context, dims, session } = this.#forward;
    const seen = new Uint32Array(dims.vocabSize);
    context.device.queue.writeBuffer(session.seen, seen.byteLength * session.place, seen);
  }

  /** A turn was read layer by layer, perhaps not to its end. */
  endTurn({ start, rows }: TurnToRead, finished: boolean): void {
    const { stores } = this.#forward.session;
    // Of a turn longer than the window, only the last rows enter the rings.
    const { windowTokens } = this.#forward.sharing;
    stores.written(start + rows, rows > windowTokens ? windowTokens : Infinity);
    if (finished) this.keep(start + rows);
  }

  /** Puts tokens where the embedding reads them, from a position on. */
  writeTokens(start: number, tokens: readonly number[]): void {
    const { context, session } = this.#forward;
    const first = session.place * session.tokenPlaces + start;
    context.device.queue.writeBuffer(session.tokens, 4 * first, Uint32Array.from(tokens));
  }

  rewind(tokens: number): boolean {
    return this.#forward.session.stores.rewind(tokens);
  }

  /** @param onRow called when a row was submitted, before the next one is */
  async #sequential(
    turn: { start: number; rows: number },
    options: Omit<PrefillOptions, 'mode'>,
    onRow?: (row: number) => Promise<void> | undefined,
  ): Promise<boolean> {
    const { context, dims, session } = this.#forward;
    const { layers, head } = this.#recordings;
    const { queue } = context.device;
    const scope = context.ledger.scope('prefill scratch');
    try {
      const asked = new Set(options.logitsAt);
      const staging = asked.size > 0 ? scope.staging('logits read-back', 4 * dims.vocabSize) : null;
      const wanted = options.likelihoods?.wanted ?? [];
      const wantedAt = [...new Set(wanted.map(({ position }) => position))];
      const readers = new Map(wantedAt.map((position, run) => [position, run]));
      const reader = wanted.length > 0 ? await this.#likelihoodReader(scope, wanted, wantedAt) : null;
      options.onPrepared?.();
      for (let row = 0; row < turn.rows; row++) {
        if (options.stopped()) return false;
        const logits = staging !== null && asked.has(row);
        const run = readers.get(row);
        this.#submit(
          turn.start + row,
          logits || run !== undefined ? [layers, head] : [layers],
          (encoder) => {
            if (logits) encoder.copyBufferToBuffer(session.logits, 0, staging, 0, 4 * dims.vocabSize);
          },
          (pass) => {
            if (run !== undefined) reader?.replay(pass, run);
          },
        );
        if (logits) {
          await context.wait(staging.mapAsync(GPUMapMode.READ));
          const values = new Float32Array(staging.getMappedRange(), 0, dims.vocabSize);
          if (!allFinite(values)) throw await this.notFinite(turn.start + row);
          options.onLogits(row, values);
          staging.unmap();
        } else if (row % MAX_STEPS_IN_FLIGHT === MAX_STEPS_IN_FLIGHT - 1 || row === turn.rows - 1) {
          await context.wait(queue.onSubmittedWorkDone());
        }
        await onRow?.(row);
        options.onProgress((row + 1) / turn.rows);
      }
      for (const [i, likelihood] of ((await reader?.read()) ?? []).entries()) {
        if (!likelihood) throw await this.notFinite(turn.start + (wanted[i]?.position ?? 0));
        options.likelihoods?.onLikelihood(i, likelihood);
      }
      return !options.stopped();
    } finally {
      scope.free();
    }
  }

  async #likelihoodReader(scope: Scope, wanted: readonly WantedToken[], positions: readonly number[]) {
    const { LikelihoodReader } = await import('./likelihood-reader.ts');
    const runs = positions.map((first) => ({ first, count: 1 }));
    return LikelihoodReader.open(this.#forward, scope, wanted, runs, this.#forward.session.logits);
  }

  async feed(tokens: readonly number[], options: FeedOptions): Promise<boolean> {
    const start = this.#forward.session.stores.tokens;
    const { onLogits = () => undefined, onFed, likelihoods, stopped } = options;
    this.writeTokens(start, tokens);
    return this.#sequential(
      { start, rows: tokens.length },
      {
        logitsAt: options.onLogits ? [...tokens.keys()] : [],
        onLogits,
        ...(likelihoods && { likelihoods }),
        onProgress: () => undefined,
        stopped,
      },
      (row) => {
        this.keep(start + row + 1);
        return onFed?.(row);
      },
    );
  }

  /** The text now has so many tokens, and the stores were cut. */
  keep(tokens: number): void {
    const { stores, eviction } = this.#forward.session;
    stores.keep(tokens);
    if (eviction) stores.cut(tokens, eviction.run.budget);
  }

  rowsHeld(): Promise<readonly StoreRows[]> {
    const { dims, session } = this.#forward;
    if (session.eviction) return session.eviction.rowsHeld(session.stores.tokens);
    return Promise.resolve(session.stores.rowsHeld(dims.kvHeads));
  }

  async decode(options: DecodeOptions): Promise<DecodeEnd> {
    const { context, session } = this.#forward;
    if (options.maxNewTokens === 0) return 'length';
    context.device.queue.writeBuffer(session.sampling, 0, packSampling(options.sampling));

    const prompt = session.stores.tokens;
    const { layers, head, sample, kept, probabilities } = this.#recordings;
    const first = [head, ...kept, sample, ...probabilities];
    const next = [layers, ...first];
    await this.#drained;
    const alone = session.probabilities !== null;
    const flight = new TokensInFlight(context, {
      readBacks: session.readBacks,
      stepBytes: stepBytesOf(alone),
      stepsInFlight: stepsInFlightOf(session.stores),
      alone,
    });
    let submitted = 0;
    let arrived = 0;
    let end: DecodeEnd = 'length';
    let notFiniteAt: number | null = null;
    try {
      decoding: while (arrived < options.maxNewTokens) {
        while (submitted < options.maxNewTokens && flight.hasRoom) {
          // Step n feeds the token before it, but for the first, whose hidden state the prefill left.
          const position = prompt + submitted - 1;
          const { buffer, offset } = flight.place;
          this.#submit(position, submitted === 0 ? first : next, (encoder) => {
            encoder.copyBufferToBuffer(session.drawn, 0, buffer, offset, 4);
            if (session.probabilities) {
              const { words } = session.probabilities;
              encoder.copyBufferToBuffer(words, 0, buffer, offset + 4, 4 * probabilitiesWords);
            }
          });
          submitted++;
          flight.launched(submitted === options.maxNewTokens);
        }
        for (const words of await flight.land()) {
          const token = words[0] ?? 0;
          if (token === NOT_FINITE) {
            notFiniteAt = prompt + arrived - 1;
            break decoding;
          }
          if (options.stopped()) {
            end = 'stopped';
            break decoding;
          }
          this.keep(prompt + arrived);
          arrived++;
          options.onToken(token, session.probabilities ? readProbabilities(words.slice(1)) : null);
          if (options.endTokens.has(token)) {
            end = 'end-of-text';
            break decoding;
          }
        }
      }
    } finally {
      // Nobody waits for what is thrown away: what comes next is queued behind it.
      this.#drained = flight.drain();
    }
    if (notFiniteAt !== null) throw await this.notFinite(notFiniteAt);
    return end;
  }

  /** The failure of a run whose logits at a position are not finite. */
  async notFinite(position: number): Promise<BackendError> {
    const { findNotFinite } = await import('./find-not-finite.ts');
    this.#writeRow(position);
    return new BackendError({
      code: 'not-finite',
      position,
      where: await findNotFinite(this.#forward),
    });
  }

  /** Says which position the next replay computes. */
  #writeRow(position: number): void {
    const { context, session } = this.#forward;
    context.device.queue.writeBuffer(session.rowTablesBuffer, 0, session.rowTables.pack(position, 1));
  }

  /** One step: one small write, one pass, one submit. */
  #submit(
    position: number,
    recordings: readonly Recording[],
    afterPass: (encoder: GPUCommandEncoder) => void,
    inPass: (pass: GPUComputePassEncoder) => void = () => undefined,
  ): void {
    const { context, session } = this.#forward;
    const { device } = context;
    session.stores.written(position + 1);
    this.#writeRow(position);
    const encoder = device.createCommandEncoder({ label: 'step' });
    const pass = encoder.beginComputePass();
    for (const recording of recordings) recording.replay(pass);
    inPass(pass);
    pass.end();
    afterPass(encoder);
    device.queue.submit([encoder.finish()]);
  }

  /** The token at the last position kept is decoded once more. */
  async profileStep(): Promise<readonly KernelTime[] | null> {
    const { context, session } = this.#forward;
    if (!context.hasClock) return null;
    const { timeKernels } = await import('./timing.ts');
    const { layers, head, sample } = this.#recordings;
    this.#writeRow(session.stores.tokens - 1);
    return timeKernels(context, [layers, head, sample]);
  }

  /** Bytes that decoding the next token reads: matrices, and the rows that each layer sees of the store that it reads. */
  bytesReadPerToken(): number {
    const { weights, keyValueWeights, sharing, dims, kvPrecision, session } = this.#forward;
    const rowsSeen = sharing.layers.map((layer) => {
      const { from, to } = visibleKeys(session.stores.tokens, maskOf(sharing, layer));
      return Math.min(to - from, session.stores.of(layer.readsFrom).rows + 1);
    });
    const rows = rowsSeen.reduce((sum, seen) => sum + seen, 0);
    return weights.bytesReadPerToken(keyValueWeights) + rows * kvRowBytes(dims, kvPrecision);
  }

  kvUsage(): KvUsage {
    return this.#forward.session.stores.usage();
  }

  get kvBytesInUse(): number {
    return this.#forward.session.stores.bytesInUse;
  }

  close(): void {
    this.#onClose();
  }
}
