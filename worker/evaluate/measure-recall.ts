import type { MeasuredRecall } from '../protocol/measure.ts';
import { threefry2x32 } from '../../gpu/cpu/random.ts';
import { Refused } from '../outcome.ts';
import { sumOf } from './measure-likelihoods.ts';
import type { Parts } from './parts.ts';
import type { LaneJob } from './text-lanes.ts';
import type { ScoredWindow, TextReader } from './text-reader.ts';

/** Tokens of a sentence that is asked for. Shorter ones say little, longer ones leave no room for a distance. */
const SHORTEST = 8;
const LONGEST = 40;

/** A text as sentences, which end at a period, a question mark or an exclamation mark. */
export const sentencesOf = (text: string): readonly string[] =>
  text
    .split(/(?<=[.!?])\s+/u)
    .map((sentence) => sentence.replace(/\s+/gu, ' ').trim())
    .filter((sentence) => sentence !== '');

/** Two texts that differ only in a sentence that stood before. */
export interface RecallPair {
  /** The sentence stood in the text. */
  readonly told: readonly number[];
  /** Another one stood in its place. */
  readonly untold: readonly number[];
  /** The sentence, which ends both. */
  readonly sentence: readonly number[];
}

/**
 * The pair of one distance and repetition: prefix · sentence or another one · `distance` tokens of other text · sentence.
 * The two first sentences have the same number of tokens, as far as the text has such; else the longer one is cut at its
 * begin.
 *
 * @param prefix    the begin token
 * @param sentences tokens of the sentences of a text, in its order
 * @throws Refused if the text is too short
 */
export function recallPair(
  prefix: number,
  sentences: readonly (readonly number[])[],
  { distance, repetition }: { readonly distance: number; readonly repetition: number },
  seed: number,
): RecallPair {
  const fitting = sentences.filter(({ length }) => length >= SHORTEST && length <= LONGEST);
  const draw = (what: number) => threefry2x32([seed, what], [repetition, 0])[0];
  const sentence = fitting[draw(0) % Math.max(1, fitting.length)];
  const others = fitting.filter((each) => each !== sentence);
  const sameLength = others.filter(({ length }) => length === sentence?.length);
  const from =
    sameLength.length > 0 ? sameLength : others.filter(({ length }) => length > (sentence?.length ?? 0));
  const other = from[draw(1) % Math.max(1, from.length)];
  if (!sentence || !other) {
    throw tooShort(`it has ${fitting.length} sentences of ${SHORTEST} to ${LONGEST} tokens`);
  }
  const filler = sentences.filter((each) => each !== sentence && each !== other).flat();
  if (filler.length < distance) throw tooShort(`it has ${filler.length} tokens apart from the two sentences`);
  const start = filler.length === distance ? 0 : draw(2) % (filler.length - distance);
  const between = filler.slice(start, start + distance);
  return {
    told: [prefix, ...sentence, ...between],
    untold: [prefix, ...other.slice(-sentence.length), ...between],
    sentence,
  };
}

/** How much likelier a sentence is if it stood before. */
export function recallParts(reader: TextReader, { told, untold, sentence }: RecallPair): Parts {
  const scored: ScoredWindow[] = [];
  const jobs = [told, untold].map((context, i): LaneJob => ({
    capacityTokens: context.length + sentence.length - 1,
    run: async (lane) => {
      const tokens = [...context, ...sentence];
      scored[i] = await reader.score(lane, { tokens, scored: sentence.length }, context.length);
    },
  }));
  const measured = (): Promise<MeasuredRecall> => {
    const [toldAs = 0, untoldAs = 0] = scored.map(({ likelihoods }) => sumOf(likelihoods));
    const kvBytes = Math.max(...scored.map((each) => each.kvBytes));
    const tokens = sentence.length;
    return Promise.resolve({ kind: 'recall', told: toldAs, untold: untoldAs, tokens, kvBytes });
  };
  return { jobs, measured };
}

const tooShort = (reason: string) =>
  new Refused({ code: 'bad-request', field: 'text', reason: `the text is too short for recall: ${reason}` });
