import type { Batch, BatchText } from '../../gpu/backend.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import type { RunnableModel } from '../engine/generate.ts';
import { mostInPiece } from '../engine/open-policy.ts';
import { readPrompts } from '../engine/read-prompts.ts';
import { speedPrompt } from '../laboratory/speed-prompt.ts';
import { Refused } from '../outcome.ts';
import type { MeasuredSpeed, SpeedItem } from '../protocol/measure.ts';
import { batchSizes, type BatchSizes } from './largest-batch.ts';
import type { TextReader } from './text-reader.ts';

interface SpeedParts {
  readonly budgetBytes: number;
  readonly stopped: () => boolean;
  readonly onTokens: (tokens: number) => void;
}

const noEndTokens: ReadonlySet<number> = new Set();

/** Times runs of one or several sequences under one reading. */
export class SpeedRuns {
  readonly #reader: TextReader;
  readonly #model: RunnableModel;
  readonly #parts: SpeedParts;
  /** By the tokens of a prompt, and of what is written. */
  readonly #sizes = new Map<string, BatchSizes>();

  constructor(reader: TextReader, model: RunnableModel, parts: SpeedParts) {
    this.#reader = reader;
    this.#model = model;
    this.#parts = parts;
  }

  /** How many sequences an item has. The largest batch is at least one sequence. */
  async sequencesOf(item: SpeedItem): Promise<number> {
    return item.batch === 'largest' ? Math.max(1, (await this.#sizesOf(item)).places) : item.batch;
  }

  /**
   * Times one run: all have the same prompt, and greedy tokens after it. Both ends wait for the device, because a prompt
   * ends when its first token is known and decoding ends when the last one is. A largest batch that does not fit after
   * all fails here.
   */
  async measure(item: SpeedItem): Promise<MeasuredSpeed> {
    const { prompt, generate } = item;
    const { plan } = this.#reader;
    const sizes = await this.#sizesOf(item);
    const sequences = await this.sequencesOf(item);
    const text = this.#reader.textOptions(prompt + generate);
    const asked = Math.min(sequences, Math.max(1, sizes.mostPlaces));
    const turnTokens = this.#turnTokensOf(item);
    const batch = await this.#model.weights.openBatch({ ...plan, texts: [text], places: asked, turnTokens });
    try {
      const { places } = batch;
      const times: WaveTimes[] = [];
      let atOnce: Memory = { kvBytes: 0, kvBytesAllocated: 0, scratchBytes: 0 };
      for (let written = 0; written < sequences; written += places) {
        const texts: BatchText[] = [];
        while (texts.length < Math.min(places, sequences - written)) texts.push(await batch.open(text));
        times.push(await this.#timeWave(batch, texts, item));
        if (written === 0) atOnce = memoryOf(batch, texts);
        for (const each of texts) each.close();
      }
      return {
        ...{ kind: 'speed', batch: sequences, places },
        prefillMs: times.reduce((sum, { prefillMs }) => sum + prefillMs, 0),
        decodeMs: times.reduce((sum, { decodeMs }) => sum + decodeMs, 0),
        ...atOnce,
        weightBytes: sizes.weightBytes,
        largestBatch: sizes.fitting,
      };
    } finally {
      batch.close();
    }
  }

  /** Writes sequences together, from their prompts to their last tokens. */
  async #timeWave(
    batch: Batch,
    texts: readonly BatchText[],
    { prompt, generate }: SpeedItem,
  ): Promise<WaveTimes> {
    const { stopped, onTokens } = this.#parts;
    const tokens = speedPrompt(prompt, this.#model.config.dims.vocabSize);
    const startMs = performance.now();
    await this.#readPrompts(batch, texts, tokens);
    onTokens(prompt * texts.length);
    const begun = new Set<BatchText>();
    let firstMs = startMs;
    const continuations = texts.map((text) => ({
      ...{ text, sampling: greedy, maxNewTokens: generate, endTokens: noEndTokens },
      onToken: () => {
        if (begun.has(text)) return;
        begun.add(text);
        firstMs = performance.now();
      },
    }));
    const ends = await batch.decode(continuations, { stopped });
    const endMs = performance.now();
    if (ends.includes('stopped')) throw new Refused({ code: 'stopped' });
    // Equal sequences end in the same step.
    if (ends.includes(null)) throw new Error('a sequence of the batch has not ended with the others');
    onTokens(generate * texts.length);
    return { prefillMs: firstMs - startMs, decodeMs: endMs - firstMs };
  }

  async #readPrompts(batch: Batch, texts: readonly BatchText[], tokens: readonly number[]): Promise<void> {
    const { policy } = this.#reader;
    const mode = this.#reader.modeOf(tokens.length);
    const prompts = texts.map((text) => ({ text, tokens, mode, policy }));
    const { stopped } = this.#parts;
    if (!(await readPrompts(batch, prompts, { stopped }))) throw new Refused({ code: 'stopped' });
  }

  #turnTokensOf({ prompt }: SpeedItem): number {
    return mostInPiece(prompt, this.#reader.policy);
  }

  async #sizesOf(item: SpeedItem): Promise<BatchSizes> {
    const { prompt, generate } = item;
    const key = `${prompt} ${generate}`;
    const { plan } = this.#reader;
    const known = this.#sizes.get(key);
    const { weights } = this.#model;
    const text = { ...this.#reader.textOptions(prompt + generate), turnTokens: this.#turnTokensOf(item) };
    const sizes = known ?? (await batchSizes(weights, plan, text, this.#parts.budgetBytes));
    this.#sizes.set(key, sizes);
    return sizes;
  }
}

interface WaveTimes {
  readonly prefillMs: number;
  readonly decodeMs: number;
}

type Memory = Pick<MeasuredSpeed, 'kvBytes' | 'kvBytesAllocated' | 'scratchBytes'>;

function memoryOf(batch: Batch, texts: readonly BatchText[]): Memory {
  const usages = texts.map((text) => text.kvUsage());
  const kvBytesAllocated = usages.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  return {
    kvBytes: usages.reduce((sum, { bytes }) => sum + bytes, 0),
    kvBytesAllocated,
    scratchBytes: Math.max(0, batch.allocatedBytes - kvBytesAllocated),
  };
}
