import { BackendError } from '../../gpu/backend-error.ts';
import type { Batch, BatchText, Continuation, DecodeEnd } from '../../gpu/backend.ts';
import { throttle } from '../run-clock.ts';
import type { ThroughputClock } from '../throughput-clock.ts';
import type { RunOptions } from './generate.ts';
import type { GrowingTexts } from './growing-texts.ts';
import type { PreparedSequence } from './prepare-sequences.ts';
import { readPrompts } from './read-prompts.ts';
import type { SumOfKv } from './sum-of-kv.ts';

/** A sequence in one of the places. */
interface Live {
  readonly sequence: PreparedSequence;
  readonly text: BatchText;
}

interface Surroundings {
  readonly kv: SumOfKv;
  readonly clock: ThroughputClock;
  /** Tells the texts while they are written; null if nobody wants them. */
  readonly growing: GrowingTexts | null;
  readonly options: RunOptions;
}

const STATS_INTERVAL_MS = 200;

/** Keeps the places of a batch full. */
export class SequenceScheduler {
  readonly #batch: Batch;
  readonly #around: Surroundings;
  readonly #live: Live[] = [];
  #prompted = false;
  readonly #reportStats = throttle(STATS_INTERVAL_MS, () => {
    this.#emitStats();
  });

  constructor(batch: Batch, around: Surroundings) {
    this.#batch = batch;
    this.#around = around;
  }

  /** @throws BackendError; of logits that are not finite, with the index of the sequence */
  async run(sequences: readonly PreparedSequence[]): Promise<void> {
    try {
      await this.#write(sequences);
    } catch (error) {
      throw this.#withSequence(error);
    }
  }

  #withSequence(error: unknown): unknown {
    if (!(error instanceof BackendError) || error.failure.code !== 'not-finite') return error;
    const [first, ...others] = this.#live;
    const failed = this.#live.find(({ text }) => text === error.text) ?? (others.length > 0 ? null : first);
    return failed ? new BackendError({ ...error.failure, sequence: failed.sequence.index }) : error;
  }

  async #write(sequences: readonly PreparedSequence[]): Promise<void> {
    const { stopped } = this.#around.options;
    const waiting = [...sequences];
    while (!stopped() && waiting.length + this.#live.length > 0) {
      const opened: Live[] = [];
      while (!stopped() && waiting.length > 0 && this.#live.length < this.#batch.places) {
        const text = await this.#open(waiting[0]);
        if (!text) break;
        const sequence = waiting.shift();
        if (sequence) opened.push(this.#opened(sequence, text));
      }
      if (!stopped() && opened.length > 0) await this.#read(opened);
      if (!stopped() && this.#live.length > 0) await this.#decode();
    }
    for (const live of [...this.#live]) this.#end(live, 'stopped');
  }

  /** Opens a text; null if there is no memory for it before another one ends. */
  async #open(sequence: PreparedSequence | undefined): Promise<BatchText | null> {
    if (!sequence) return null;
    try {
      return await this.#batch.open(sequence.options);
    } catch (error) {
      if (!isFull(error) || this.#live.length === 0) throw error;
      return null;
    }
  }

  #opened(sequence: PreparedSequence, text: BatchText): Live {
    const live = { sequence, text };
    this.#live.push(live);
    this.#around.kv.opened(text.kvUsage());
    return live;
  }

  /** Reads the prompts of sequences that have just been opened, together. */
  async #read(opened: readonly Live[]): Promise<void> {
    const { clock, options } = this.#around;
    const prompts = opened.map(({ sequence: { prompt, mode, policy }, text }) => ({
      ...{ text, mode, policy },
      tokens: prompt,
    }));
    const promptTokens = prompts.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const finished = await clock.prefill(promptTokens, (onPrepared) =>
      readPrompts(this.#batch, prompts, { onPrepared, stopped: options.stopped }),
    );
    if (!finished) return;
    this.#tellRead(opened);
    for (const live of opened) if (live.sequence.request.maxNewTokens === 0) this.#end(live, 'length');
  }

  /** Tells that the first prompt was read. */
  #tellRead([first]: readonly Live[]): void {
    if (this.#prompted || !first) return;
    this.#prompted = true;
    const { prompt, mode } = first.sequence;
    this.#around.options.emit({ type: 'prefill', fraction: 1, promptTokens: prompt.length, mode });
  }

  /** The figures of all sequences together, and how many tokens the longest has. */
  #emitStats(): void {
    const { kv, clock, options } = this.#around;
    const { prefillMs, decodeMs, prefillTokensPerSec, throughputTokensPerSec } = clock.timing();
    options.emit({
      type: 'stats',
      kv: kv.usageWith(this.#live.map(({ text }) => text.kvUsage())),
      timing: { prefillMs, decodeMs, prefillTokensPerSec, decodeTokensPerSec: throughputTokensPerSec },
      newTokens: Math.max(0, ...this.#live.map(({ sequence }) => sequence.tokens.length)),
    });
  }

  async #decode(): Promise<void> {
    const { clock, options } = this.#around;
    const live = [...this.#live];
    const continuations = live.map(({ sequence, text }) => this.#continuation(sequence, text));
    const ends = await clock.decode(() => this.#batch.decode(continuations, { stopped: options.stopped }));
    for (const [i, each] of live.entries()) {
      const end = ends[i] ?? null;
      if (end !== null) this.#end(each, end);
    }
  }

  #continuation(
    { index, request, prompt, tokens, endTokens }: PreparedSequence,
    text: BatchText,
  ): Continuation {
    const { clock, growing, options } = this.#around;
    return {
      text,
      sampling: request.sampling,
      maxNewTokens: request.maxNewTokens - tokens.length,
      endTokens,
      onToken: (id: number) => {
        clock.token();
        growing?.push(index, tokens.at(-1) ?? prompt.at(-1), id);
        tokens.push(id);
        options.emit({ type: 'sequence-token', sequence: index, id });
        if (growing) this.#reportStats();
      },
    };
  }

  #end(live: Live, end: DecodeEnd): void {
    live.sequence.end = end;
    this.#around.kv.ended(live.text.kvUsage());
    live.text.close();
    this.#live.splice(this.#live.indexOf(live), 1);
  }
}

/** Whether there was no memory, or no way to bind so much of it at once. */
export const isFull = (error: unknown) =>
  error instanceof BackendError && ['out-of-memory', 'limit-too-small'].includes(error.failure.code);
