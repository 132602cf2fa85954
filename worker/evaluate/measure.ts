import { checkTokens } from '../engine/check-request.ts';
import type { RunnableModel, RunOptions } from '../engine/generate.ts';
import { measureStates } from '../laboratory/hidden-measures.ts';
import { Refused } from '../outcome.ts';
import type { Measured, MeasureRequest, MeasureResult, MeasureWork } from '../protocol/measure.ts';
import type { GuardedText } from '../text/guarded-text.ts';
import type { PrefixToken } from '../text/text-api.ts';
import { measureGeneration } from './measure-generation.ts';
import { isGreedy, measureLikelihoods, sumOf } from './measure-likelihoods.ts';
import { measureRecall, recallPair, sentencesOf } from './measure-recall.ts';
import { measureRolling } from './measure-rolling.ts';
import { SpeedRuns } from './measure-speed.ts';
import { PairEncoder, type TokenPair } from './pair-tokens.ts';
import { TextReader, type ReadOptions } from './text-reader.ts';
import { rollingWindows, windowOfPair } from './windows.ts';

export interface MeasurableModel extends RunnableModel {
  readonly prefix: PrefixToken | null;
}

/** One item, turned into tokens. */
interface Prepared {
  readonly tokens: number;
  readonly run: (reader: TextReader) => Promise<Measured>;
}

/**
 * Measures items, the longest first, and emits what was measured of each as it is known. The order depends on the items
 * alone, so that a run that is continued with the rest of them goes on as it would have.
 *
 * @param onlyCount whether only to count the tokens of the items
 * @throws Refused, also if it was stopped; BackendError
 */
export async function measure(
  model: MeasurableModel,
  request: MeasureRequest,
  onlyCount: boolean,
  { emit, stopped }: RunOptions,
): Promise<MeasureResult> {
  let done = 0;
  const onTokens = (tokens: number) => {
    done += tokens;
    emit({ type: 'measuring', tokens: done });
  };
  const reader = await TextReader.open(model, request, { stopped, onTokens });
  try {
    const prepared = await prepare(model, request.work, reader, { stopped, onTokens });
    const tokens = prepared.map((item) => item.tokens);
    if (onlyCount) return { tokens };
    for (const index of inOrder(request.work, tokens)) {
      const item = prepared[index];
      if (!item) continue;
      if (stopped()) throw new Refused({ code: 'stopped' });
      emit({ type: 'measured', item: index, measured: await item.run(reader) });
    }
    return { tokens };
  } finally {
    reader.close();
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
  opened: TextReader,
  { stopped, onTokens }: ReadOptions,
): Promise<readonly Prepared[]> {
  if (work.kind === 'speed') {
    const runs = new SpeedRuns(opened, model, { budgetBytes: work.budgetBytes, stopped, onTokens });
    return inTurn(work.items, stopped, async (item) => ({
      tokens: (await runs.sequencesOf(item)) * (item.prompt + item.generate),
      run: () => runs.measure(item),
    }));
  }
  if (work.kind === 'tokens') {
    return work.items.map(({ tokens }) => ({
      tokens: tokens.length - 1,
      run: (reader) => measureTokens(reader, tokens, work.promptTokens, model.config.dims.vocabSize),
    }));
  }
  const text = textOf(model);
  const encoder = new PairEncoder((each, special) => text.encode(each, special), model.prefix);
  const decode = (tokens: readonly number[]) => text.decode(tokens);
  switch (work.kind) {
    case 'likelihood':
      return inTurn(work.items, stopped, async ({ requests }) => {
        const pairs: TokenPair[] = [];
        for (const request of requests) pairs.push(await encoder.pair(request));
        const windows = pairs.map((pair) => windowOfPair(pair, work.maxLength));
        return {
          tokens: windows.reduce((sum, window) => sum + (window ? window.tokens.length - 1 : 0), 0),
          run: (reader) => measureLikelihoods(reader, pairs, windows),
        };
      });
    case 'rolling':
      return inTurn(work.items, stopped, async ({ text: whole }) => {
        const pair = await encoder.whole(whole, work.begin);
        const windows = rollingWindows(pair, work.maxLength);
        return {
          tokens: windows.reduce((sum, { tokens }) => sum + tokens.length - 1, 0),
          run: (reader) => measureRolling(reader, whole, windows, work.promptTokens, decode),
        };
      });
    case 'generate': {
      const endTokens = new Set(model.config.eosIds);
      return inTurn(work.items, stopped, async ({ context }) => {
        const tokens = await encoder.text(context);
        const parts = { endTokens, decode, stopped, onTokens };
        return {
          tokens: Math.min(tokens.length, work.maxLength) + work.maxNewTokens,
          run: (reader) => measureGeneration(reader, tokens, work, parts),
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
          run: (reader) => measureRecall(reader, pair),
        });
      });
    }
    case 'hidden':
      return inTurn(work.items, stopped, async ({ text: whole }) => {
        const tokens = (await encoder.text(whole)).slice(0, work.maxLength);
        return { tokens: tokens.length, run: (reader) => measureHidden(reader, tokens, model) };
      });
    default:
      return work satisfies never;
  }
}

/** A sequence behind its prompt; without one, a whole sequence behind its first token, read at once. */
async function measureTokens(
  reader: TextReader,
  tokens: readonly number[],
  promptTokens: number | null,
  vocabSize: number,
): Promise<Measured> {
  const scored = tokens.length - (promptTokens ?? 1);
  if (scored < 1 || scored >= tokens.length) {
    const reason = 'there must be a token or more to read, and a token or more to score';
    throw new Refused({ code: 'bad-request', field: 'tokens', reason });
  }
  checkTokens('tokens', '', tokens, vocabSize);
  const { likelihoods, kvBytes } = await reader.score({ tokens, scored }, promptTokens ?? Infinity);
  const logLikelihood = sumOf(likelihoods);
  return {
    kind: 'likelihood',
    requests: [{ logLikelihood, greedy: isGreedy(likelihoods), tokens: scored, cut: 0 }],
    kvBytes,
  };
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
