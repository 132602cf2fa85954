import type { DecodeEnd, PlanOptions, TextOptions } from '../../gpu/backend.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import { Refused } from '../outcome.ts';
import type { SequenceRequest, SequencesRequest } from '../protocol/sequences.ts';
import { checkRequest, promptTurns, tokensOf } from './check-request.ts';
import type { RunnableModel } from './generate.ts';
import { modeOf } from './mode-of.ts';
import { evictionOf, policyOf } from './open-policy.ts';

/** A sequence that is ready to be opened, and what it has become so far. */
export interface PreparedSequence {
  readonly index: number;
  readonly request: SequenceRequest;
  readonly prompt: readonly number[];
  readonly mode: Mode;
  readonly policy: Policy;
  readonly options: TextOptions;
  /** Tokens that end it. */
  readonly endTokens: ReadonlySet<number>;
  readonly tokens: number[];
  /** `stopped` until it ends in another way. */
  end: DecodeEnd;
}

/**
 * Checks all sequences, and turns their prompts into tokens.
 *
 * @param notices receives what the tokenizer changes in the prompts
 * @throws Refused, with `bad-request` naming a sequence by its index, or with `stopped`
 */
export async function prepareSequences(
  model: RunnableModel,
  { sequences, mode, policy: asked }: SequencesRequest,
  { sharing, passes }: PlanOptions,
  notices: Set<string>,
  stopped: () => boolean,
): Promise<readonly PreparedSequence[]> {
  const { dims, eosIds } = model.config;
  const { contextTokens } = dims;
  const modeFor = modeOf(model, mode, { sharing, passes });
  for (const [index, request] of sequences.entries()) {
    await namingSequence(index, () => {
      checkRequest(request);
    });
  }
  const prepared: PreparedSequence[] = [];
  for (const [index, request] of sequences.entries()) {
    if (stopped()) throw new Refused({ code: 'stopped' });
    // What a field of a policy is if it is left out may depend on how much is written.
    const policy = await policyOf(asked, { contextTokens, maxNewTokens: request.maxNewTokens });
    const turns = await namingSequence(index, () => promptTurns(request.input, model.text, dims, policy));
    const prompt = tokensOf(turns);
    const changed = 'text' in request.input ? await model.text?.changes(request.input.text) : null;
    if (changed) notices.add(changed);
    const promptTokens = prompt.length;
    const options: TextOptions = {
      capacityTokens: promptTokens + request.maxNewTokens,
      ...(await evictionOf(model, sharing, policy, { scored: false, promptTokens })),
    };
    const endTokens = new Set(request.ignoreEos ? [] : eosIds);
    const own = { index, request, prompt, mode: modeFor(promptTokens), policy, options, endTokens };
    prepared.push({ ...own, tokens: [], end: 'stopped' });
  }
  return prepared;
}

/** Names the sequence in a refusal of one of its fields. */
async function namingSequence<T>(index: number, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused) || error.failure.code !== 'bad-request') throw error;
    const { field, reason } = error.failure;
    const own = field === 'turns' ? 'tokens' : field;
    throw new Refused({ code: 'bad-request', field: `sequences[${index}].${own}`, reason });
  }
}
