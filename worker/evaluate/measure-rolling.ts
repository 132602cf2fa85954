import { utf8Bytes, wordCount } from '../laboratory/python-text.ts';
import type { MeasuredRolling } from '../protocol/measure.ts';
import { sumOf } from './measure-likelihoods.ts';
import type { Parts } from './parts.ts';
import type { LaneJob } from './text-lanes.ts';
import type { ScoredWindow, TextReader } from './text-reader.ts';
import { afterPrompt, type Window } from './windows.ts';

type Decode = (tokens: readonly number[]) => Promise<string>;

/**
 * Scores a whole text, or of each of its windows what follows a prompt.
 *
 * @param windows of the text
 * @param promptTokens null to score every token
 */
export function rollingParts(
  reader: TextReader,
  text: string,
  windows: readonly Window[],
  promptTokens: number | null,
  decode: Decode,
): Parts {
  const parts = windows.flatMap((whole) => {
    const window = promptTokens === null ? whole : afterPrompt(whole, promptTokens);
    const prompt = promptTokens ?? whole.tokens.length - whole.scored;
    return window.scored === 0 ? [] : [{ window, prompt }];
  });
  const scored: ScoredWindow[] = [];
  const measured = async (): Promise<MeasuredRolling> => {
    const counted: string[] = promptTokens === null ? [text] : [];
    if (promptTokens !== null) for (const { window } of parts) counted.push(await endOf(window, decode));
    return {
      kind: 'rolling',
      logLikelihood: scored.reduce((sum, { likelihoods }) => sum + sumOf(likelihoods), 0),
      tokens: parts.reduce((sum, { window }) => sum + window.scored, 0),
      words: counted.reduce((sum, part) => sum + wordCount(part), 0),
      bytes: counted.reduce((sum, part) => sum + utf8Bytes(part), 0),
      kvBytes: Math.max(0, ...scored.map(({ kvBytes }) => kvBytes)),
    };
  };
  const jobs = parts.map(({ window, prompt }, i): LaneJob => ({
    capacityTokens: window.tokens.length - 1,
    run: async (lane) => {
      scored[i] = await reader.score(lane, window, prompt);
    },
  }));
  return { jobs, measured };
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
