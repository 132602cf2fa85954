import { checkTokens } from '../engine/check-request.ts';
import type { RunnableModel, RunOptions } from '../engine/generate.ts';
import { measureStates } from '../laboratory/hidden-measures.ts';
import { Refused } from '../outcome.ts';
import type { Measured, MeasureRequest, MeasureResult, MeasureWork } from '../protocol/measure.ts';
import type { GuardedText } from '../text/guarded-text.ts';
import type { PrefixToken } from '../text/text-api.ts';
import { generationParts } from './measure-generation.ts';
import { isGreedy, likelihoodParts, sumOf } from './measure-likelihoods.ts';
import { recallPair, recallParts, sentencesOf } from './measure-recall.ts';
import { rollingParts } from './measure-rolling.ts';
import { SpeedRuns } from './measure-speed.ts';
import { PairEncoder, type TokenPair } from './pair-tokens.ts';
import type { Parts } from './parts.ts';
import { TextLanes, type Lane } from './text-lanes.ts';
import { TextReader, type ReadOptions, type ScoredWindow } from './text-reader.ts';
import { rollingWindows, windowOfPair } from './windows.ts';

export interface MeasurableModel extends RunnableModel {
  readonly prefix: PrefixToken | null;
}

/** One item, turned into tokens: measured by jobs beside those of other items, or alone. */
type Prepared = { readonly tokens: number } & (Parts | { readonly alone: () => Promise<Measured> });

/**
 * Measures items, the longest first, and emits what was measured of each as it is known. The order depends on the items
 * alone, so that a run that is continued with the rest of them goes on as it would have. Several items are measured
 * together, which changes no bit of their numbers.
 *
 * @param onlyCount whether only to count the tokens of the items
 * @param lanes     the most texts that are read together
 * @throws Refused, also if it was stopped; BackendError
 */
export async function measure(
  model: MeasurableModel,
  request: MeasureRequest,
  onlyCount: boolean,
  { emit, stopped }: RunOptions,
  lanes?: number,
): Promise<MeasureResult> {
  let done = 0;
  const onTokens = (tokens: number) => {
    done += tokens;
    emit({ type: 'measuring', tokens: done });
  };
  const reader = await TextReader.open(model, request, { stopped, onTokens });
  const prepared = await prepare(model, request.work, reader, { stopped, onTokens });
  const tokens = prepared.map((item) => item.tokens);
  if (onlyCount) return { tokens };
  const found = (index: number, measured: Measured) => {
    emit({ type: 'measured', item: index, measured });
  };
  const together: OrderedItem[] = [];
  for (const index of inOrder(request.work, tokens)) {
    const item = prepared[index];
    if (!item) continue;
    if ('jobs' in item) {
      together.push({ ...item, found: (measured) => found(index, measured) });
      continue;
    }
    if (stopped()) throw new Refused({ code: 'stopped' });
    found(index, await item.alone());
  }
  await measureTogether(model, reader, together, lanes);
  return { tokens };
}

interface OrderedItem extends Parts {
  readonly found: (measured: Measured) => void;
}

/** Measures items together, and tells of them in their order. */
async function measureTogether(
  { weights }: MeasurableModel,
  reader: TextReader,
  items: readonly OrderedItem[],
  most?: number,
): Promise<void> {
  const jobs = items.flatMap((item) => item.jobs.map((job) => ({ job, item })));
  const left = new Map(items.map((item) => [item, item.jobs.length]));
  let next = 0;
  const tell = oneByOne(async () => {
    for (let item = items[next]; item && left.get(item) === 0; item = items[next]) {
      next++;
      item.found(await item.measured());
    }
  });
  await tell(); // of items without jobs
  if (jobs.length === 0) return;
  const all = jobs.map(({ job }) => job);
  const lanes = await TextLanes.open(weights, reader, all, most);
  try {
    await lanes.run(all, async (index) => {
      const item = jobs[index]?.item;
      if (item) left.set(item, (left.get(item) ?? 0) - 1);
      await tell();
    });
  } finally {
    lanes.close();
  }
}

/** The longest first, so that what does not fit fails at once. Rounds stay in their order. */
function inOrder({ kind }: MeasureWork, tokens: readonly number[]): number[] {
  const order = [...tokens.keys()];
  if (kind !== 'speed') order.sort((a, b) => (tokens[b] ?? 0) - (tokens[a] ?? 0) || a - b);
  return order;
}

async function prepare(
  model: MeasurableModel,
  work: MeasureWork,
  reader: TextReader,
  { stopped, onTokens }: ReadOptions,
): Promise<readonly Prepared[]> {
  if (work.kind === 'speed') {
    const runs = new SpeedRuns(reader, model, { budgetBytes: work.budgetBytes, stopped, onTokens });
    return inTurn(work.items, stopped, async (item) => ({
      tokens: (await runs.sequencesOf(item)) * (item.prompt + item.generate),
      alone: () => runs.measure(item),
    }));
  }
  if (work.kind === 'tokens') {
    return work.items.map(({ tokens }) => ({
      tokens: tokens.length - 1,
      ...tokenParts(reader, tokens, work.promptTokens, model.config.dims.vocabSize),
    }));
  }
  const text = textOf(model);
  const encoder = new PairEncoder((each, special) => text.encode(each, special), model.prefix);
  // Jobs ask at the same time, and a tokenizer answers one call at a time.
  const decode = oneByOne((tokens: readonly number[]) => text.decode(tokens));
  switch (work.kind) {
    case 'likelihood':
      return inTurn(work.items, stopped, async ({ requests }) => {
        const pairs: TokenPair[] = [];
        for (const request of requests) pairs.push(await encoder.pair(request));
        const windows = pairs.map((pair) => windowOfPair(pair, work.maxLength));
        return {
          tokens: windows.reduce((sum, window) => sum + (window ? window.tokens.length - 1 : 0), 0),
          ...likelihoodParts(reader, pairs, windows),
        };
      });
    case 'rolling':
      return inTurn(work.items, stopped, async ({ text: whole }) => {
        const pair = await encoder.whole(whole, work.begin);
        const windows = rollingWindows(pair, work.maxLength);
        return {
          tokens: windows.reduce((sum, { tokens }) => sum + tokens.length - 1, 0),
          ...rollingParts(reader, whole, windows, work.promptTokens, decode),
        };
      });
    case 'generate': {
      const endTokens = new Set(model.config.eosIds);
      return inTurn(work.items, stopped, async ({ context }) => {
        const tokens = await encoder.text(context);
        return {
          tokens: Math.min(tokens.length, work.maxLength) + work.maxNewTokens,
          ...generationParts(reader, tokens, work, { endTokens, decode }),
        };
      });
    }
    case 'recall': {
      const sentences: (readonly number[])[] = [];
      for (const sentence of sentencesOf(work.text)) {
        sentences.push(await text.encode(` ${sentence}`, false));
      }
      const prefix = model.prefix?.id ?? 0;
      return inTurn(work.items, stopped, (item) => {
        const pair = recallPair(prefix, sentences, item, work.seed);
        return Promise.resolve({
          tokens: 2 * (pair.told.length + pair.sentence.length),
          ...recallParts(reader, pair),
        });
      });
    }
    case 'hidden':
      return inTurn(work.items, stopped, async ({ text: whole }) => {
        const tokens = (await encoder.text(whole)).slice(0, work.maxLength);
        return { tokens: tokens.length, alone: () => measureHidden(reader, tokens, model) };
      });
    default:
      return work satisfies never;
  }
}

/** A sequence behind its prompt; without one, a whole sequence behind its first token, read at once. */
function tokenParts(
  reader: TextReader,
  tokens: readonly number[],
  promptTokens: number | null,
  vocabSize: number,
): Parts {
  const scored = tokens.length - (promptTokens ?? 1);
  let found: ScoredWindow = { likelihoods: [], kvBytes: 0 };
  const run = async (lane: Lane) => {
    if (scored < 1 || scored >= tokens.length) {
      const reason = 'there must be a token or more to read, and a token or more to score';
      throw new Refused({ code: 'bad-request', field: 'tokens', reason });
    }
    checkTokens('tokens', '', tokens, vocabSize);
    found = await reader.score(lane, { tokens, scored }, promptTokens ?? Infinity);
  };
  const measured = (): Promise<Measured> => {
    const { likelihoods, kvBytes } = found;
    const logLikelihood = sumOf(likelihoods);
    const requests = [{ logLikelihood, greedy: isGreedy(likelihoods), tokens: scored, cut: 0 }];
    return Promise.resolve({ kind: 'likelihood', requests, kvBytes });
  };
  return { jobs: [{ capacityTokens: Math.max(1, tokens.length - 1), run }], measured };
}

async function measureHidden(
  reader: TextReader,
  tokens: readonly number[],
  model: RunnableModel,
): Promise<Measured> {
  const { hiddenSize } = model.config.dims;
  const states: ReturnType<typeof measureStates>[] = [];
  const kvBytes = await reader.hidden(tokens, (state, rows) => {
    states[state] = measureStates(rows, hiddenSize);
  });
  return { kind: 'hidden', tokens: tokens.length, states, kvBytes };
}

/** Makes calls wait for one another. */
function oneByOne<Args extends unknown[], T>(work: (...args: Args) => Promise<T>) {
  let last: Promise<unknown> = Promise.resolve();
  return (...args: Args): Promise<T> => {
    const result = last.then(() => work(...args));
    last = result.catch(() => undefined); // The caller hears of it.
    return result;
  };
}

/** One after the other, because a tokenizer answers one call at a time. */
async function inTurn<Item>(
  items: readonly Item[],
  stopped: () => boolean,
  work: (item: Item) => Promise<Prepared>,
): Promise<readonly Prepared[]> {
  const prepared: Prepared[] = [];
  for (const item of items) {
    if (stopped()) throw new Refused({ code: 'stopped' });
    prepared.push(await work(item));
  }
  return prepared;
}

function textOf({ text }: RunnableModel): GuardedText {
  if (text) return text;
  const reason = 'the model has no tokenizer, so no text can be measured';
  throw new Refused({ code: 'bad-request', field: 'work', reason });
}
