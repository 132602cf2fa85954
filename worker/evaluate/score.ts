import { checkAllGiven, checkTokens, promptTurns, tokensOf } from '../engine/check-request.ts';
import { modeOf } from '../engine/mode-of.ts';
import { policyOf } from '../engine/open-policy.ts';
import type { RunnableModel, RunOptions } from '../engine/generate.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { badRequest, valueOf } from '../outcome.ts';
import { negativeLogLikelihood } from '../engine/prompt-logits.ts';
import type { Score, ScoreRequest } from '../protocol/evaluate.ts';
import { Comparison, KeptRows } from './divergence.ts';
import { readTurns, type ReadTurn } from './read-turns.ts';

/** The logits of the first of several configurations, which the others are compared with. Outlives the model. */
export interface ScoreReference {
  readonly vocabSize: number;
  readonly tokens: readonly number[];
  /** Null without a tokenizer. */
  readonly text: string | null;
  readonly rows: KeptRows;
}

/**
 * Scores a given continuation of a prompt, teacher-forced. The prompt is read turn by turn as in a run, then the given
 * tokens one by one, each from the KV that this configuration computed for those before. Decoding them would compute the
 * same.
 *
 * @param reference what to compare with if the request says so
 * @returns the score, and the rows to compare others with
 * @throws Refused with `bad-request`, `bad-config`, `bad-layer-types` or `stopped`; BackendError
 */
export async function scoreContinuation(
  model: RunnableModel,
  request: ScoreRequest,
  reference: ScoreReference | null,
  options: RunOptions,
): Promise<{ readonly score: Score; readonly reference: ScoreReference }> {
  const { dims, stored } = model.config;
  const continuation = request.continuation;
  const policy = await policyOf(request.policy, {
    contextTokens: dims.contextTokens,
    maxNewTokens: Math.max(request.maxNewTokens, continuation.length),
  });
  const turns = await promptTurns(request.input, model.text, dims, policy);
  if (continuation.length === 0) throw badRequest('continuation', 'it is empty');
  checkAllGiven('continuation', turns);
  checkTokens('continuation', '', continuation, dims.vocabSize);
  const prompt = tokensOf(turns);
  const tokens = [...prompt, ...continuation];
  const text = (await model.text?.decode(tokens)) ?? null;
  if (request.reference === 'compare') checkComparable(reference, dims.vocabSize, tokens, text);

  const { sharing, passes } = valueOf(applyConfig(stored, request.config, dims.layerCount));
  const modeFor = modeOf(model, request.mode, { sharing, passes });
  const rows = new KeptRows(dims.vocabSize);
  const comparison = new Comparison();
  const logProbabilities: number[] = [];
  const read = turns.map((turn, i): ReadTurn => ({
    tokens: turn.tokens,
    mode: modeFor(turn.tokens.length),
    logitsFrom: i === turns.length - 1 ? turn.tokens.length - 1 : turn.tokens.length,
  }));
  const fed = continuation.slice(0, -1);
  if (fed.length > 0) read.push({ tokens: fed, mode: 'fed', logitsFrom: 0 });
  await readTurns(
    model,
    read,
    (row) => {
      const index = logProbabilities.length;
      logProbabilities.push(-negativeLogLikelihood(row, continuation[index] ?? 0));
      if (request.reference === 'compare') comparison.add(reference?.rows.at(index), row);
      else rows.push(row);
    },
    {
      ...options,
      ...{ config: request.config, freeze: request.freeze },
      kvPrecision: request.kvPrecision,
      policy,
      fractionFrom: 0,
      fractionTo: 1,
    },
  );
  const score: Score = {
    mode: modeFor(turns.at(-1)?.tokens.length ?? 0),
    logProbabilities: Float32Array.from(logProbabilities),
    divergence: request.reference === 'compare' ? comparison.result() : null,
  };
  const kept = request.reference === 'compare' ? reference : null;
  return { score, reference: kept ?? { vocabSize: dims.vocabSize, tokens, text, rows } };
}

function checkComparable(
  reference: ScoreReference | null,
  vocabSize: number,
  tokens: readonly number[],
  text: string | null,
): void {
  if (!reference) throw badRequest('reference', 'no configuration was scored before this one');
  if (reference.vocabSize !== vocabSize) {
    const reason = `this model knows ${vocabSize} tokens, the first one ${reference.vocabSize}`;
    throw badRequest('reference', `${reason}: their probabilities are of different things`);
  }
  const same = tokens.length === reference.tokens.length && tokens.every((t, i) => t === reference.tokens[i]);
  if (!same || text !== reference.text) {
    throw badRequest(
      'reference',
      'this model’s tokenizer cuts the text into other tokens than the first one’s',
    );
  }
}
