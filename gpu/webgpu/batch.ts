import type {
  Batch,
  BatchDecodeOptions,
  BatchOptions,
  BatchPrefillOptions,
  BatchText,
  BatchTurn,
  BatchWork,
  Continuation,
  DecodeEnd,
  GivenTokens,
  TextOptions,
} from '../backend.ts';
import { MAX_STEPS_IN_FLIGHT } from '../kv/usage.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import {
  allocateBatch,
  BATCH_STEP,
  batchBytes,
  batchSplits,
  mostCapacity,
  mostPlaces,
  readBackBytes,
  scratchSizes,
  type BatchBuffers,
  type BatchFacts,
} from './batch-buffers.ts';
import { BatchRecordings, type SharedForward } from './batch-recordings.ts';
import { PlacedText } from './batch-text.ts';
import type { GpuContext } from './device.ts';
import type { Eviction } from './eviction.ts';
import { feedTogether, writeStep, type SteppableBatch } from './feed-together.ts';
import type { Recording } from './kernel.ts';
import { columnsFor } from './kernels/columns.ts';
import { NOT_FINITE } from './kernels/sample.ts';
import { loadEviction } from './load-eviction.ts';
import { passOnAll, type Line } from './pass-on.ts';
import type { Scope } from './memory.ts';
import { packSampling, SAMPLING_BYTES } from './pack-sampling.ts';
import { allocateScratch, type PrefillScratch } from './prefill-scratch.ts';
import { prefillTogether } from './prefill-together.ts';
import { GpuSession } from './session.ts';
import { TextRooms } from './text-rooms.ts';
import { TokensInFlight } from './tokens-in-flight.ts';
import type { GpuWeights } from './weights.ts';

type Scopes = readonly [Scope, Scope, Scope, Scope];

/**
 * Texts that are decoded together on the GPU, a row each of every step. Their stores lie behind one another in buffers
 * that they have in common; the rows of a step say where each text's slots are.
 */
export class GpuBatch implements Batch {
  readonly places: number;
  readonly mostPlaces: number;
  readonly #shared: SharedForward;
  readonly #facts: BatchFacts;
  readonly #passes: BatchOptions['passes'];
  readonly #buffers: BatchBuffers;
  readonly #recordings: BatchRecordings;
  /** Taken at once, so that a turn can be read whenever a text is opened. */
  readonly #scratch: PrefillScratch;
  /** The rows of the step at hand, in memory that every step uses again. */
  readonly #tables: Uint32Array<ArrayBuffer>;
  /** Of the weights that only this plan needs, of the buffers, of the stores, and of what turns are read with. */
  readonly #scopes: Scopes;
  readonly #onClose: () => void;
  readonly #rooms: TextRooms;
  readonly #open = new Map<BatchText, PlacedText>();
  #steps = 0;

  static async open(
    context: GpuContext,
    dims: ModelDims,
    weights: GpuWeights,
    options: BatchOptions,
    onClose: () => void,
  ): Promise<GpuBatch> {
    const { sharing, kvPrecision, texts } = options;
    const { ledger, tuning } = context;
    const capacities = texts.map(({ capacityTokens }) => capacityTokens).sort((a, b) => b - a);
    const eviction = texts.some((text) => text.eviction) ? await loadEviction() : null;
    const facts: BatchFacts = {
      ...{ dims, sharing, kvPrecision, capacities },
      splits: batchSplits(context, dims, mostCapacity({ capacities })),
      inParts: weights.inParts,
      mostColumns: tuning.mostColumns,
      turnTokens: options.turnTokens,
      chunkRows: tuning.chunkRows,
      eviction: eviction?.evictionFacts(dims, options) ?? null,
    };
    const scopes: Scopes = [
      ledger.scope('batch weights'),
      ledger.scope('batch'),
      ledger.scope('kv'),
      ledger.scope('batch prefill'),
    ];
    let batch: GpuBatch | null = null;
    try {
      const keyValueWeights = await weights.keyValueWeights(sharing.layers, scopes[0]);
      const shared: SharedForward = { context, dims, sharing, kvPrecision, weights, keyValueWeights };
      // A kernel must see the stores of all places at once.
      const places = Math.min(options.places, mostPlaces(facts, context.device.limits));
      const buffers = allocateBatch(context, facts, Math.max(1, places), scopes[1], scopes[2]);
      batch = new GpuBatch(shared, facts, options, buffers, eviction?.Eviction ?? null, scopes, onClose);
      await batch.#prepare();
      return batch;
    } catch (error) {
      if (batch) batch.#free();
      for (const scope of scopes) scope.free();
      throw error;
    }
  }

  private constructor(
    shared: SharedForward,
    facts: BatchFacts,
    { passes }: BatchOptions,
    buffers: BatchBuffers,
    evictionOf: typeof Eviction | null,
    scopes: Scopes,
    onClose: () => void,
  ) {
    this.#shared = shared;
    this.#facts = facts;
    this.#passes = passes;
    this.#buffers = buffers;
    this.#tables = new Uint32Array(buffers.rowTablesBuffer.size / 4);
    this.#rooms = new TextRooms(shared, facts, buffers, evictionOf);
    this.#scopes = scopes;
    this.#onClose = onClose;
    this.places = buffers.places;
    this.mostPlaces = mostPlaces(facts, shared.context.device.limits);
    this.#scratch = allocateScratch(scopes[3], scratchSizes(facts, this.places));
    this.#recordings = new BatchRecordings(shared, { ...buffers, eviction: this.#rooms.exampleOfEviction() });
  }

  /** Compiles the steps of a single text, and of all places. */
  async #prepare(): Promise<void> {
    const recordings = Promise.all([
      this.#recordings.of(1),
      this.#recordings.of(this.#columnsFor(this.places)),
      this.#recordings.sample,
    ]);
    recordings.catch(() => undefined); // The await below reports the rejection.
    await Promise.all(this.#scopes.map((scope) => scope.settled()));
    await recordings;
  }

  #columnsFor(rows: number) {
    return columnsFor(rows, this.#facts.mostColumns);
  }

  get allocatedBytes(): number {
    return this.#scopes.reduce((sum, { bytes }) => sum + bytes, this.#recordings.bytes);
  }

  sharedBytesFor(places: number): number {
    const { kv, others } = batchBytes(this.#facts, places);
    return this.#scopes[0].bytes + this.#recordings.bytesFor(this.#columnsFor(places)) + kv + others;
  }

  get work(): BatchWork {
    const { weights, keyValueWeights, sharing } = this.#shared;
    return {
      // q, o, gate and up, and down of each layer; keys and values of each owner; the head.
      products: this.#steps * (4 * sharing.layers.length + keyValueWeights.size + 1),
      weightBytes: this.#steps * weights.bytesReadPerToken(keyValueWeights),
    };
  }

  async open(options: TextOptions): Promise<BatchText> {
    const { capacityTokens, eviction } = options;
    const known = capacityTokens <= mostCapacity(this.#facts) && !eviction === !this.#facts.eviction;
    if (!known) throw new Error('the text was not announced');
    if (this.#open.size >= this.places) throw new Error('every place of the batch is taken');
    const firstSlots = this.#rooms.take(capacityTokens);
    const taken = new Set([...this.#open.values()].map(({ place }) => place));
    const place = [...Array(this.places).keys()].find((each) => !taken.has(each)) ?? 0;
    const session = this.#rooms.buffersOf(place, options, firstSlots);
    const sample = await this.#recordings.sample;
    const recordings = { ...(await this.#recordings.of(1)), sample, kept: [], probabilities: [] };
    const text = new PlacedText(
      new GpuSession(
        { ...this.#shared, session, columns: 1 },
        { passes: this.#passes },
        recordings,
        () => undefined,
      ),
      session,
      (prefilled) => {
        this.#keepHidden(prefilled);
      },
      () => {
        // Closing a text twice makes nothing more free.
        if (!this.#open.delete(text)) return;
        this.#rooms.free(firstSlots);
      },
    );
    this.#open.set(text, text);
    return text;
  }

  /** Keeps the hidden state that a prompt left in the first row until its first token is drawn. */
  #keepHidden(place: number): void {
    const { device } = this.#shared.context;
    const encoder = device.createCommandEncoder({ label: 'prefilled' });
    const { hidden, waiting } = this.#buffers;
    encoder.copyBufferToBuffer(hidden, 0, waiting, place * this.#hiddenBytes, this.#hiddenBytes);
    device.queue.submit([encoder.finish()]);
  }

  get #hiddenBytes(): number {
    return 4 * paddedCols(this.#shared.dims.hiddenSize);
  }

  prefill(turns: readonly BatchTurn[], options: BatchPrefillOptions): Promise<boolean> {
    if (turns.some(({ tokens }) => tokens.length > this.#facts.turnTokens)) {
      throw new Error('a turn is longer than was announced');
    }
    const placed = turns.map((turn) => ({ ...turn, text: this.#placed(turn.text) }));
    return this.#shared.context.wait(
      prefillTogether(
        {
          ...this.#steppable,
          passes: this.#passes,
          scratch: this.#scratch,
          columnsFor: (rows) => this.#columnsFor(rows),
        },
        placed,
        options,
      ),
    );
  }

  feed(given: readonly GivenTokens[], { stopped }: BatchDecodeOptions): Promise<boolean> {
    const lines = given.map((each) => ({ ...each, text: this.#placed(each.text) }));
    if (lines.some(({ tokens }) => tokens.length !== lines[0]?.tokens.length)) {
      throw new Error('all texts are fed the same number of tokens');
    }
    const reports = { onPrepared: () => undefined, onFed: () => undefined, stopped };
    return feedTogether(this.#steppable, lines, this.#columnsFor(lines.length), reports);
  }

  get #steppable(): SteppableBatch {
    return {
      shared: this.#shared,
      buffers: this.#buffers,
      recordings: this.#recordings,
      tables: this.#tables,
      onStep: () => this.#steps++,
    };
  }

  #placed(text: BatchText): PlacedText {
    const placed = this.#open.get(text);
    if (!placed) throw new Error('the text is not of this batch, or closed');
    return placed;
  }

  async decode(
    continuations: readonly Continuation[],
    { stopped }: BatchDecodeOptions,
  ): Promise<readonly (DecodeEnd | null)[]> {
    const lines = continuations.map((each): Line => ({
      ...each,
      text: this.#placed(each.text),
      left: each.maxNewTokens,
    }));
    if (stopped()) return lines.map(() => 'stopped');
    // What arrived while another text ended.
    const ends = await passOnAll(lines);
    if (ends.some((end) => end !== null)) return ends;
    this.#writeSampling(lines);
    return this.#steppedTogether(lines, stopped);
  }

  #writeSampling(lines: readonly Line[]): void {
    const { queue } = this.#shared.context.device;
    for (const { text, sampling } of lines) {
      queue.writeBuffer(this.#buffers.sampling, text.place * SAMPLING_BYTES, packSampling(sampling));
    }
  }

  /** Steps until a text ends. Tokens of the others that arrive after that are kept for the next call. */
  async #steppedTogether(
    lines: readonly Line[],
    stopped: () => boolean,
  ): Promise<readonly (DecodeEnd | null)[]> {
    const fresh = lines.filter(({ text }) => text.isFresh);
    const flight = new TokensInFlight(this.#shared.context, {
      readBacks: this.#buffers.readBacks,
      stepBytes: readBackBytes(this.#facts, this.places),
      stepsInFlight: MAX_STEPS_IN_FLIGHT,
      alone: true,
    });
    const inFlight: (readonly Line[])[] = [];
    // The first text that reaches its length ends the call.
    let steps = Math.min(...lines.map(({ text, left }) => left - Number(text.isFresh)));
    const sample = await this.#recordings.sample;
    const ofFresh = await this.#recordings.of(this.#columnsFor(Math.max(1, fresh.length)));
    const ofAll = await this.#recordings.of(this.#columnsFor(lines.length));
    const submit = (rows: readonly Line[], recordings: readonly Recording[]) => {
      this.#submit(rows, recordings, flight.place.buffer);
      flight.launched(false);
      inFlight.push(rows);
    };
    const land = async () => {
      for (const words of await flight.land()) {
        for (const [i, { text }] of (inFlight.shift() ?? []).entries()) text.arrived(words[i] ?? NOT_FINITE);
      }
    };
    try {
      if (fresh.length > 0) submit(fresh, [ofFresh.head, sample]);
      for (;;) {
        for (; steps > 0 && flight.hasRoom; steps--) submit(lines, [ofAll.layers, ofAll.head, sample]);
        await land();
        if (stopped()) return lines.map(() => 'stopped');
        const ends = await passOnAll(lines);
        if (ends.every((end) => end === null)) continue;
        while (inFlight.length > 0) await land();
        return ends;
      }
    } finally {
      await flight.drain();
    }
  }

  /** One step of these rows: the row tables, one pass, one read-back. */
  #submit(lines: readonly Line[], recordings: readonly Recording[], readBack: GPUBuffer): void {
    const { device } = this.#shared.context;
    const { hidden, waiting, drawn } = this.#buffers;
    const rows = lines.length;
    const encoder = device.createCommandEncoder({ label: 'step' });
    const tables = this.#tables.fill(0); // A row that the step does not use sees few keys, and costs little.
    for (const [row, { text }] of lines.entries()) {
      if (text.isFresh) {
        const from = text.place * this.#hiddenBytes;
        encoder.copyBufferToBuffer(waiting, from, hidden, row * this.#hiddenBytes, this.#hiddenBytes);
      } else if (row === 0) {
        this.#steps++;
      }
      text.takeStep(tables, row);
    }
    writeStep(this.#steppable, rows);
    const pass = encoder.beginComputePass();
    for (const recording of recordings) recording.replay(pass, BATCH_STEP, rows);
    pass.end();
    encoder.copyBufferToBuffer(drawn, 0, readBack, 0, 4 * rows);
    device.queue.submit([encoder.finish()]);
  }

  close(): void {
    this.#open.clear();
    this.#free();
    this.#onClose();
  }

  #free(): void {
    this.#recordings.free();
    for (const scope of this.#scopes) scope.free();
  }
}
