import type { GenerationWork, MeasuredGeneration } from '../protocol/measure.ts';
import type { Parts } from './parts.ts';
import type { Lane } from './text-lanes.ts';
import type { TextReader } from './text-reader.ts';

/** Tokens between two looks at the text. */
const TOKENS_AT_ONCE = 16;

interface GenerationParts {
  readonly endTokens: ReadonlySet<number>;
  readonly decode: (tokens: readonly number[]) => Promise<string>;
}

/** Continues a context greedily, up to the first text that ends it, the end token, or the most tokens. */
export function generationParts(
  reader: TextReader,
  context: readonly number[],
  { until, maxNewTokens, maxLength }: GenerationWork,
  { endTokens, decode }: GenerationParts,
): Parts {
  const room = Math.max(1, maxLength - maxNewTokens);
  const prompt = context.slice(-room);
  const tokens: number[] = [];
  let written: Pick<MeasuredGeneration, 'text' | 'kvBytes'> = { text: '', kvBytes: 0 };
  const run = async (lane: Lane) => {
    await reader.readPrompt(lane, prompt);
    for (;;) {
      const end = await lane.decode({
        maxNewTokens: Math.min(TOKENS_AT_ONCE, maxNewTokens - tokens.length),
        endTokens,
        onToken: (token) => tokens.push(token),
      });
      const text = await decode(tokens);
      const cut = cutAt(text, until);
      if (end !== 'end-of-text' && cut === text && tokens.length < maxNewTokens) continue;
      written = { text: cut, kvBytes: lane.kvBytes };
      return;
    }
  };
  const measured = (): Promise<MeasuredGeneration> =>
    Promise.resolve({
      kind: 'generate',
      ...written,
      tokens: tokens.length,
      cut: context.length - prompt.length,
    });
  return { jobs: [{ capacityTokens: prompt.length + maxNewTokens, run }], measured };
}

/** As lm-evaluation-harness cuts: at each text in turn. An empty one cuts nothing. */
function cutAt(text: string, until: readonly string[]): string {
  return until.reduce((rest, end) => (end === '' ? rest : (rest.split(end)[0] ?? '')), text);
}
