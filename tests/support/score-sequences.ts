import type {
  BatchText,
  GivenTokens,
  ModelWeights,
  Session,
  TextOptions,
  WantedLikelihoods,
} from '../../gpu/backend.ts';
import type { TokenLikelihood } from '../../gpu/plan/token-likelihood.ts';
import { textOptions, type TestSequence, type TestSequences } from './arbitrary-sequences.ts';
import { tinyDims } from './random-model.ts';

/** What was scored of a sequence, and the bytes of its KV at the end. */
export interface Scored {
  readonly likelihoods: readonly TokenLikelihood[];
  readonly kvBytes: number;
}

const never = () => false;
const ignore = () => undefined;

/** Two turns of a sequence, the second of which may be empty, and tokens that it is given after them. */
const partsOf = ({ prompt, ends, maxNewTokens }: TestSequence) => ({
  turns: [prompt, ends].filter(({ length }) => length > 0),
  given: Array.from({ length: maxNewTokens }, (_, i) => (5 * i + 2 * prompt.length) % tinyDims.vocabSize),
});

/** Some tokens of a turn, or of given tokens; two of them at one position. */
const wantedOf = (length: number, scored: TokenLikelihood[]): WantedLikelihoods => ({
  wanted: Array.from({ length }, (_, position) => position)
    .filter((position) => position % 3 !== 1)
    .flatMap((position) => [
      { position, token: (3 * position) % tinyDims.vocabSize },
      { position, token: (3 * position + 7) % tinyDims.vocabSize },
    ]),
  onLikelihood: (_, likelihood) => scored.push(likelihood),
});

/** A sequence by itself, in a session of its own. */
export async function scoreAlone(
  model: ModelWeights,
  run: TestSequences,
  sequence: TestSequence,
): Promise<Scored> {
  const { turns, given } = partsOf(sequence);
  const session: Session = await model.open({ ...run.plan, ...roomFor(run, sequence) });
  const likelihoods: TokenLikelihood[] = [];
  for (const tokens of turns) {
    await session.prefill(tokens, {
      ...{ mode: sequence.mode, likelihoods: wantedOf(tokens.length, likelihoods) },
      ...{ logitsAt: [], onLogits: ignore, onProgress: ignore, stopped: never },
    });
  }
  for (const token of given) {
    await session.feed([token], { likelihoods: wantedOf(1, likelihoods), stopped: never });
  }
  const kvBytes = session.kvBytesInUse;
  session.close();
  return { likelihoods, kvBytes };
}

/** The sequences together, as many at a time as there are places. */
export async function scoreTogether(
  model: Pick<ModelWeights, 'openBatch'>,
  run: TestSequences,
): Promise<readonly Scored[]> {
  const texts = run.sequences.map((sequence) => roomFor(run, sequence));
  const batch = await model.openBatch({ ...run.plan, places: run.places, texts, turnTokens: 14 });
  const all: Scored[] = [];
  try {
    while (all.length < run.sequences.length) {
      const from = all.length;
      const lines = [];
      for (const sequence of run.sequences.slice(from, from + batch.places)) {
        const text: BatchText = await batch.open(roomFor(run, sequence));
        const likelihoods: TokenLikelihood[] = [];
        lines.push({ text, mode: sequence.mode, likelihoods, ...partsOf(sequence) });
      }
      for (const at of [0, 1]) {
        const turns = lines.flatMap(({ turns: all, text, mode, likelihoods }) => {
          const tokens = all[at];
          return tokens ? [{ text, mode, tokens, likelihoods: wantedOf(tokens.length, likelihoods) }] : [];
        });
        if (turns.length > 0) await batch.prefill(turns, { onProgress: ignore, stopped: never });
      }
      const longest = Math.max(...lines.map(({ given }) => given.length));
      for (let at = 0; at < longest; at++) {
        const fed = lines.flatMap(({ text, given, likelihoods }): GivenTokens[] => {
          const token = given[at];
          if (token === undefined) return [];
          return [{ text, tokens: [token], likelihoods: wantedOf(1, likelihoods) }];
        });
        await batch.feed(fed, { stopped: never });
      }
      for (const { text, likelihoods } of lines) {
        all.push({ likelihoods, kvBytes: text.kvBytesInUse });
        text.close();
      }
    }
  } finally {
    batch.close();
  }
  return all;
}

/** Room for both turns, which are prompts, and the tokens that are given. */
const roomFor = (run: TestSequences, sequence: TestSequence): TextOptions =>
  textOptions(run, { ...sequence, prompt: [...sequence.prompt, ...sequence.ends] });
