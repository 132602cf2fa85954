import { outsideRange } from '../../gpu/plan/number-range.ts';
import type { RunnableModel } from '../engine/generate.ts';
import { mostInPiece } from '../engine/open-policy.ts';
import { Refused } from '../outcome.ts';
import type { LargestBatch, LargestBatchRequest } from '../protocol/largest-batch.ts';
import { largestBatch } from './largest-batch.ts';
import { TextReader } from './text-reader.ts';

const MOST_TOKENS = 2_000_000;

/**
 * The largest batch of a model under one reading, allocated once to see whether it is right.
 *
 * @throws Refused with `bad-request`, `bad-config` or `bad-layer-types`; BackendError if the budget is more than the
 *   machine has
 */
export async function largestBatchOf(
  model: RunnableModel,
  { promptTokens, tokens, budgetBytes, ...reading }: LargestBatchRequest,
  stopped: () => boolean,
): Promise<LargestBatch> {
  check('tokens', tokens, MOST_TOKENS);
  check('promptTokens', promptTokens, tokens);
  check('budgetBytes', budgetBytes, 2 ** 50);
  const reader = await TextReader.open(model, reading, { stopped, onTokens: () => undefined });
  const turnTokens = mostInPiece(promptTokens, reader.policy);
  const text = { ...reader.textOptions(tokens), turnTokens };
  return largestBatch(model.weights, reader.plan, text, budgetBytes);
}

function check(field: string, value: number, max: number): void {
  const outside = outsideRange(value, { min: 1, max, whole: true });
  if (outside !== null) throw new Refused({ code: 'bad-request', field, reason: `${value} is ${outside}` });
}
