import { greedy } from '../../gpu/plan/sampling.ts';
import { Refused } from '../outcome.ts';
import type { GenerationWork, MeasuredGeneration } from '../protocol/measure.ts';
import type { TextReader } from './text-reader.ts';

/** Tokens between two looks at the text. */
const TOKENS_AT_ONCE = 16;

interface GenerationParts {
  readonly endTokens: ReadonlySet<number>;
  readonly decode: (tokens: readonly number[]) => Promise<string>;
  readonly stopped: () => boolean;
  readonly onTokens: (tokens: number) => void;
}

/** Continues a context greedily, up to the first text that ends it, the end token, or the most tokens. */
export async function measureGeneration(
  reader: TextReader,
  context: readonly number[],
  { until, maxNewTokens, maxLength }: GenerationWork,
  { endTokens, decode, stopped, onTokens }: GenerationParts,
): Promise<MeasuredGeneration> {
  const room = Math.max(1, maxLength - maxNewTokens);
  const prompt = context.slice(-room);
  const session = await reader.sessionFor(prompt.length + maxNewTokens);
  await reader.readPrompt(session, prompt);
  const tokens: number[] = [];
  for (;;) {
    const end = await session.decode({
      sampling: greedy,
      maxNewTokens: Math.min(TOKENS_AT_ONCE, maxNewTokens - tokens.length),
      endTokens,
      onToken: (token) => {
        tokens.push(token);
        onTokens(1);
      },
      stopped,
    });
    if (end === 'stopped') throw new Refused({ code: 'stopped' });
    const text = await decode(tokens);
    const cut = cutAt(text, until);
    if (end === 'end-of-text' || cut !== text || tokens.length >= maxNewTokens) {
      return {
        kind: 'generate',
        text: cut,
        tokens: tokens.length,
        cut: context.length - prompt.length,
        kvBytes: session.kvBytesInUse,
      };
    }
    // The last token that was drawn was never fed.
    if (!(await session.feed(tokens.slice(-1), { stopped }))) throw new Refused({ code: 'stopped' });
  }
}

/** As lm-evaluation-harness cuts: at each text in turn. An empty one cuts nothing. */
function cutAt(text: string, until: readonly string[]): string {
  return until.reduce((rest, end) => (end === '' ? rest : (rest.split(end)[0] ?? '')), text);
}
