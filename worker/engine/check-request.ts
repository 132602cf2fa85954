import { outsideRange } from '../../gpu/plan/number-range.ts';
import type { SamplingOptions } from '../../gpu/plan/sampling.ts';
import { Refused } from '../outcome.ts';
import type { GenerateRequest, Prompt } from '../protocol/generate.ts';
import { samplingRanges } from '../settings/sampling-ranges.ts';
import type { GuardedText } from '../text/guarded-text.ts';

/** The most tokens that a request may ask for. */
const MAX_NEW_TOKENS = 10_000_000;

/** Checks the numbers of a request, which its type cannot. Throws Refused with `bad-request` naming the field. */
export function checkRequest({ maxNewTokens, sampling }: GenerateRequest): void {
  const asked = outsideRange(maxNewTokens, { min: 0, max: MAX_NEW_TOKENS, whole: true });
  if (asked !== null) refuse('maxNewTokens', `${maxNewTokens} is ${asked}`);
  // Object.entries of a record with known keys only.
  for (const [name, value] of Object.entries(sampling) as [keyof SamplingOptions, number][]) {
    const complaint = outsideRange(value, samplingRanges[name]);
    if (complaint !== null) refuse(name, `${value} is ${complaint}`);
  }
}

/**
 * The prompt as non-empty turns of tokens that the model knows. A conversation is one turn.
 *
 * @throws Refused with `bad-request` naming `prompt` or `turns`, or with `bad-tokenizer` or `bad-template`
 */
export async function promptTurns(
  input: Prompt,
  text: Pick<GuardedText, 'encode' | 'encodeChat'> | null,
  vocabSize: number,
): Promise<readonly (readonly number[])[]> {
  if ('turns' in input) return checkTurns(input.turns, vocabSize);
  if (!text) return refuse('prompt', 'the model has no tokenizer, so the prompt must be tokens');
  const turn = await ('text' in input ? text.encode(input.text) : text.encodeChat(input.chat));
  if (turn.length === 0) refuse('prompt', 'it is empty');
  const position = turn.findIndex((token) => !isToken(token, vocabSize));
  if (position >= 0) refuse('prompt', `token ${position} of the text is none that the model knows`);
  return [turn];
}

function checkTurns(turns: readonly (readonly number[])[], vocabSize: number) {
  if (turns.length === 0) refuse('turns', 'there are none');
  for (const [index, turn] of turns.entries()) {
    if (turn.length === 0) refuse('turns', `turn ${index} is empty`);
    const position = turn.findIndex((token) => !isToken(token, vocabSize));
    if (position >= 0) {
      refuse(
        'turns',
        `turn ${index}, token ${position}: ${String(turn[position])} is outside 0 to ${vocabSize - 1}`,
      );
    }
  }
  return turns;
}

const isToken = (token: number, vocabSize: number) =>
  Number.isInteger(token) && token >= 0 && token < vocabSize;

function refuse(field: string, reason: string): never {
  throw new Refused({ code: 'bad-request', field, reason });
}
