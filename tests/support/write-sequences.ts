import type { Batch, BatchText, DecodeEnd, ModelWeights, TextOptions } from '../../gpu/backend.ts';
import { CpuSession } from '../../gpu/cpu/session.ts';
import type { KvUsage } from '../../gpu/kv/usage.ts';
import { piecesOf } from '../../worker/engine/open-policy.ts';
import type { PreparedSequence } from '../../worker/engine/prepare-sequences.ts';
import { SequenceScheduler } from '../../worker/engine/sequence-scheduler.ts';
import { SumOfKv } from '../../worker/engine/sum-of-kv.ts';
import { ThroughputClock } from '../../worker/throughput-clock.ts';
import { textOptions, type TestSequence, type TestSequences } from './arbitrary-sequences.ts';

/** What became of a sequence. */
export interface Written {
  readonly tokens: readonly number[];
  readonly end: DecodeEnd;
  readonly kv: KvUsage;
  /** From which its last token was drawn; null on a GPU. */
  readonly hidden: Float32Array | null;
}

const never = () => false;
const hiddenOf = (text: BatchText) => (text instanceof CpuSession ? text.hidden : null);

/** A sequence by itself, in a session of its own. */
export async function writeAlone(
  model: ModelWeights,
  run: TestSequences,
  sequence: TestSequence,
): Promise<Written> {
  const session = await model.open({ ...run.plan, ...textOptions(run, sequence) });
  for (const piece of piecesOf(sequence.prompt, run.policy)) {
    await session.prefill(piece, {
      mode: sequence.mode,
      logitsAt: [],
      onLogits: () => undefined,
      onProgress: () => undefined,
      stopped: never,
    });
  }
  const tokens: number[] = [];
  const end = await session.decode({
    sampling: sequence.sampling,
    maxNewTokens: sequence.maxNewTokens,
    endTokens: new Set(sequence.ends),
    onToken: (token) => tokens.push(token),
    stopped: never,
  });
  const kv = session.kvUsage();
  session.close();
  return { tokens, end, kv, hidden: hiddenOf(session) };
}

/** The sequences together, by the worker's own scheduler. */
export async function writeTogether(
  model: Pick<ModelWeights, 'openBatch'>,
  run: TestSequences,
  stopped = never,
): Promise<readonly Written[]> {
  const sequences = run.sequences.map((sequence, index): PreparedSequence => {
    const { prompt, mode, maxNewTokens, sampling } = sequence;
    return {
      index,
      prompt,
      mode,
      policy: run.policy,
      request: { input: { turns: [prompt] }, maxNewTokens, ignoreEos: false, sampling },
      endTokens: new Set(sequence.ends),
      options: textOptions(run, sequence),
      tokens: [],
      end: 'stopped',
    };
  });
  const texts = sequences.map(({ options }) => options);
  const turnTokens = Math.max(...sequences.map(({ prompt }) => prompt.length));
  const batch = await model.openBatch({ ...run.plan, places: run.places, texts, turnTokens });
  const closed = new Map<TextOptions, Pick<Written, 'kv' | 'hidden'>>();
  try {
    await new SequenceScheduler(watchedBatch(batch, closed), {
      kv: new SumOfKv(),
      clock: new ThroughputClock(),
      growing: null,
      options: { emit: () => undefined, stopped },
    }).run(sequences);
  } finally {
    batch.close();
  }
  return sequences.map(({ tokens, end, options }) => {
    const last = closed.get(options);
    if (!last) throw new Error('a sequence was never closed');
    return { tokens, end, ...last };
  });
}

/** A batch that notes what its texts hold when they are closed. */
const watchedBatch = (batch: Batch, closed: Map<TextOptions, Pick<Written, 'kv' | 'hidden'>>): Batch => ({
  places: batch.places,
  mostPlaces: batch.mostPlaces,
  work: batch.work,
  sharedBytesFor: (places) => batch.sharedBytesFor(places),
  open: async (options) => {
    const text = await batch.open(options);
    const closeText = text.close.bind(text);
    const close = () => {
      closed.set(options, { kv: text.kvUsage(), hidden: hiddenOf(text) });
      closeText();
    };
    return Object.assign(text, { close });
  },
  prefill: (turns, options) => batch.prefill(turns, options),
  feed: (texts, options) => batch.feed(texts, options),
  decode: (texts, options) => batch.decode(texts, options),
  get allocatedBytes() {
    return batch.allocatedBytes;
  },
  close: () => {
    batch.close();
  },
});
