import { utf8Bytes, wordCount } from '../laboratory/python-text.ts';
import type { MeasuredRolling } from '../protocol/measure.ts';
import { sumOf } from './measure-likelihoods.ts';
import type { TextReader } from './text-reader.ts';
import { afterPrompt, type Window } from './windows.ts';

type Decode = (tokens: readonly number[]) => Promise<string>;

/**
 * Scores a whole text, or of each of its windows what follows a prompt.
 *
 * @param windows of the text
 * @param promptTokens null to score every token
 */
export async function measureRolling(
  reader: TextReader,
  text: string,
  windows: readonly Window[],
  promptTokens: number | null,
  decode: Decode,
): Promise<MeasuredRolling> {
  let logLikelihood = 0;
  let scoredTokens = 0;
  let kvBytes = 0;
  const scoredText: string[] = [];
  for (const whole of windows) {
    const window = promptTokens === null ? whole : afterPrompt(whole, promptTokens);
    if (window.scored === 0) continue;
    const scored = await reader.score(window, promptTokens ?? whole.tokens.length - whole.scored);
    logLikelihood += sumOf(scored.likelihoods);
    scoredTokens += window.scored;
    kvBytes = Math.max(kvBytes, scored.kvBytes);
    if (promptTokens !== null) scoredText.push(await endOf(window, decode));
  }
  const counted = promptTokens === null ? [text] : scoredText;
  return {
    kind: 'rolling',
    logLikelihood,
    tokens: scoredTokens,
    words: counted.reduce((sum, part) => sum + wordCount(part), 0),
    bytes: counted.reduce((sum, part) => sum + utf8Bytes(part), 0),
    kvBytes,
  };
}

/**
 * The text of a window's scored tokens. It is cut from the text of the whole window, because a decoder may drop the
 * space at the begin of a text.
 */
async function endOf(
  { tokens, scored }: { readonly tokens: readonly number[]; readonly scored: number },
  decode: Decode,
): Promise<string> {
  const whole = await decode(tokens);
  const before = await decode(tokens.slice(0, tokens.length - scored));
  return whole.startsWith(before) ? whole.slice(before.length) : decode(tokens.slice(-scored));
}
