import type { Batch, BatchOptions, ModelWeights, PlanOptions } from '../../gpu/backend.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { SequencesRequest, SequencesResult } from '../protocol/sequences.ts';
import { ThroughputClock } from '../throughput-clock.ts';
import { GrowingTexts } from './growing-texts.ts';
import type { RunnableModel, RunOptions } from './generate.ts';
import { mostInPiece } from './open-policy.ts';
import { prepareSequences, type PreparedSequence } from './prepare-sequences.ts';
import { isFull, SequenceScheduler } from './sequence-scheduler.ts';
import { SumOfKv } from './sum-of-kv.ts';

/** The most sequences that are decoded at once. The others wait for a place. */
const MOST_PLACES = 32;

/**
 * Writes several sequences together. They take the places of a batch in order; when one ends, the next takes its place.
 *
 * @returns the result; after a stop, every sequence has the tokens up to that point, and those that had not ended the
 *   end 'stopped'
 * @throws Refused, with `bad-request` naming a sequence by its index; BackendError
 */
export async function generateSequences(
  model: RunnableModel,
  request: SequencesRequest,
  options: RunOptions,
): Promise<SequencesResult> {
  const { dims, stored } = model.config;
  const { sharing, passes } = valueOf(applyConfig(stored, request.config, dims.layerCount, request.freeze));
  const plan: PlanOptions = { sharing, passes, kvPrecision: request.kvPrecision };
  if (request.sequences.length === 0) {
    throw new Refused({ code: 'bad-request', field: 'sequences', reason: 'there are none' });
  }
  const clock = new ThroughputClock();
  const kv = new SumOfKv();
  const notices = new Set<string>();
  let sequences: readonly PreparedSequence[];
  try {
    sequences = await prepareSequences(model, request, plan, notices, options.stopped);
  } catch (error) {
    if (!(error instanceof Refused && error.failure.code === 'stopped')) throw error;
    return stoppedBeforeReading(model, request);
  }

  // Many sequences need the memory of the conversation.
  model.conversation.forget();
  const growing =
    request.tellTexts && model.text
      ? new GrowingTexts(model.text, model.config.eosIds, (texts) => {
          options.emit({ type: 'sequence-texts', texts });
        })
      : null;
  const batch = await openBatch(model.weights, plan, sequences);
  const stopped = () => options.stopped() || (growing?.failed ?? false);
  const around = { kv, clock, growing, options: { ...options, stopped } };
  try {
    await new SequenceScheduler(batch, around).run(sequences);
  } catch (error) {
    // The page keeps what was written until then.
    await growing?.finish().catch(() => undefined);
    throw error;
  } finally {
    batch.close();
  }
  await growing?.finish();
  const texts = await textsOf(model, sequences);
  return {
    sequences: sequences.map(({ mode, end, tokens, prompt }, i) => ({
      mode,
      end,
      tokens,
      text: texts[i] ?? null,
      promptTokens: prompt.length,
    })),
    notices: [...notices],
    kv: kv.usage(),
    timing: clock.timing(),
  };
}

/** The result of a run that was stopped while its prompts were turned into tokens. */
const stoppedBeforeReading = ({ text }: RunnableModel, request: SequencesRequest): SequencesResult => ({
  sequences: request.sequences.map(() => ({
    mode: request.mode === 'sequential' ? 'sequential' : 'parallel',
    end: 'stopped',
    tokens: [],
    text: text ? '' : null,
    promptTokens: 0,
  })),
  notices: [],
  kv: new SumOfKv().usage(),
  timing: new ThroughputClock().timing(),
});

/** The continuations as text. The tokens that end a text have none. */
async function textsOf(
  { config, text }: RunnableModel,
  sequences: readonly PreparedSequence[],
): Promise<readonly (string | null)[]> {
  const texts: (string | null)[] = [];
  for (const { prompt, tokens } of sequences) {
    await text?.startText(prompt, config.eosIds);
    const pieces = await text?.push(tokens);
    texts.push(text && pieces ? [...pieces, await text.flush()].join('') : null);
  }
  return texts;
}

/** Opens a batch with as many places as there is memory for. */
async function openBatch(
  weights: ModelWeights,
  plan: PlanOptions,
  sequences: readonly PreparedSequence[],
): Promise<Batch> {
  const texts = sequences.map(({ options }) => options);
  const turnTokens = Math.max(...sequences.map(({ prompt, policy }) => mostInPiece(prompt.length, policy)));
  for (let places = Math.min(MOST_PLACES, texts.length); ; places = Math.ceil(places / 2)) {
    const options: BatchOptions = { ...plan, texts, places, turnTokens };
    try {
      return await weights.openBatch(options);
    } catch (error) {
      if (!isFull(error) || places === 1) throw error;
    }
  }
}
