import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import { outsideRange } from '../../gpu/plan/number-range.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { SamplingOptions } from '../../gpu/plan/sampling.ts';
import { Refused } from '../outcome.ts';
import type { GenerateRequest, Prompt, PromptTurn } from '../protocol/generate.ts';
import { samplingRanges } from '../settings/sampling-ranges.ts';
import type { GuardedText } from '../text/guarded-text.ts';
import { LONGEST_TEXT } from '../text/text-api.ts';

/** The most tokens that a request may ask for. */
const MAX_NEW_TOKENS = 10_000_000;

/** Checks the numbers of a request, which its type cannot. Throws Refused with `bad-request` naming the field. */
export function checkRequest({
  maxNewTokens,
  sampling,
}: Pick<GenerateRequest, 'maxNewTokens' | 'sampling'>): void {
  const asked = outsideRange(maxNewTokens, { min: 0, max: MAX_NEW_TOKENS, whole: true });
  if (asked !== null) refuse('maxNewTokens', `${maxNewTokens} is ${asked}`);
  // Object.entries of a record with known keys only.
  for (const [name, value] of Object.entries(sampling) as [keyof SamplingOptions, number][]) {
    const complaint = outsideRange(value, samplingRanges[name]);
    if (complaint !== null) refuse(name, `${value} is ${complaint}`);
  }
}

/** What a prompt may have: as many contexts, but never fewer tokens than this. Longer ones would be read for hours. */
const MOST_CONTEXTS = 64;
const FEWEST_TOKENS = 65_536;
/** Of a longer text, this part is counted first, so that one that is far too long is refused at once. */
const PART_CHARACTERS = 400_000;

/** Under such a policy no rank passes the budget and a chunk, so neither memory nor the model limits the text. */
const outgrowsContext = ({ positions, chunk }: Policy) => positions === 'cache' && chunk !== null;

/**
 * The prompt as non-empty turns of tokens that the model knows. A conversation is one turn. Its length is limited, unless
 * the policy lets a text outgrow the context.
 *
 * @throws Refused with `bad-request` naming `prompt` or `turns`, or with `bad-tokenizer` or `bad-template`
 */
export async function promptTurns(
  input: Prompt,
  text: Pick<GuardedText, 'encode' | 'encodeChat'> | null,
  { vocabSize, contextTokens }: Pick<ModelDims, 'vocabSize' | 'contextTokens'>,
  policy: Policy = keepEverything,
): Promise<readonly PromptTurn[]> {
  const most = outgrowsContext(policy) ? Infinity : Math.max(MOST_CONTEXTS * contextTokens, FEWEST_TOKENS);
  const tooLong = (what: string, tokens: number) =>
    `${what} ${tokens} tokens, more than the ${most} that kvtab reads; this model was made for ${contextTokens}`;
  if ('turns' in input) {
    const turns = checkTurns(input.turns, vocabSize);
    const tokens = turns.reduce((sum, turn) => sum + turn.tokens.length + turn.newTokens, 0);
    if (tokens > most) refuse('turns', tooLong('they have', tokens));
    return turns;
  }
  if (!text) return refuse('prompt', 'the model has no tokenizer, so the prompt must be tokens');
  if ('text' in input && input.text.length > PART_CHARACTERS) {
    const part = await text.encode(input.text.slice(0, PART_CHARACTERS));
    if (part.length > most)
      refuse('prompt', tooLong(`its first ${PART_CHARACTERS} characters alone have`, part.length));
    if (input.text.length > LONGEST_TEXT) {
      refuse('prompt', `it has ${input.text.length} characters, more than ${LONGEST_TEXT}`);
    }
  }
  const turn = await ('text' in input ? text.encode(input.text) : text.encodeChat(input.chat));
  if (turn.length > most) refuse('prompt', tooLong('it has', turn.length));
  if (turn.length === 0) refuse('prompt', 'it is empty');
  const position = turn.findIndex((token) => !isToken(token, vocabSize));
  if (position >= 0) {
    const reason = `tokenizer.json does not fit the model: it makes the token ${String(turn[position])} of the prompt, and the model knows 0 to ${vocabSize - 1}`;
    throw new Refused({ code: 'bad-tokenizer', reason });
  }
  return [{ tokens: turn, newTokens: 0 }];
}

/** The tokens of all turns, without those that are generated between them. */
export const tokensOf = (turns: readonly PromptTurn[]): readonly number[] =>
  turns.flatMap(({ tokens }) => tokens);

/**
 * Refuses turns that tokens are generated between.
 *
 * @param field the field that asks for what needs all tokens to be given
 * @throws Refused with `bad-request` naming the field
 */
export function checkAllGiven(field: string, turns: readonly PromptTurn[]): void {
  if (turns.some(({ newTokens }) => newTokens > 0)) refuse(field, 'tokens are generated between the turns');
}

function checkTurns(
  entries: readonly (PromptTurn | readonly number[])[],
  vocabSize: number,
): readonly PromptTurn[] {
  const turns = entries.map((entry) => ('tokens' in entry ? entry : { tokens: entry, newTokens: 0 }));
  if (turns.length === 0) refuse('turns', 'there are none');
  for (const [index, { tokens: turn, newTokens }] of turns.entries()) {
    const outside = outsideRange(newTokens, { min: 0, max: MAX_NEW_TOKENS, whole: true });
    if (outside !== null) refuse('turns', `turn ${index}, new: ${newTokens} is ${outside}`);
    if (newTokens > 0 && index === turns.length - 1) {
      refuse('turns', `turn ${index}, new: the last turn is followed by maxNewTokens tokens`);
    }
    if (turn.length === 0) refuse('turns', `turn ${index} is empty`);
    checkTokens('turns', `turn ${index}, `, turn, vocabSize);
  }
  return turns;
}

/**
 * Refuses tokens that the model does not know.
 *
 * @param place of the tokens in the field, before the word "token"
 * @throws Refused with `bad-request` naming the field and the first such token
 */
export function checkTokens(
  field: string,
  place: string,
  tokens: readonly number[],
  vocabSize: number,
): void {
  const position = tokens.findIndex((token) => !isToken(token, vocabSize));
  if (position < 0) return;
  refuse(field, `${place}token ${position}: ${String(tokens[position])} is outside 0 to ${vocabSize - 1}`);
}

const isToken = (token: number, vocabSize: number) =>
  Number.isInteger(token) && token >= 0 && token < vocabSize;

function refuse(field: string, reason: string): never {
  throw new Refused({ code: 'bad-request', field, reason });
}
