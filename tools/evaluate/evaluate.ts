import type { Mode } from '../../gpu/plan/forward-plan.ts';
import { kvBytesHeld, kvBytesPerToken, plainKvBytesPerToken } from '../../gpu/kv/usage.ts';
import { applyConfig } from '../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../worker/loader/model-config.ts';
import type { ModelSource } from '../../worker/loader/model-source.ts';
import { valueOf } from '../../worker/outcome.ts';
import type { EngineApi } from '../../worker/protocol/engine.ts';
import type { BackendChoice } from '../../worker/protocol/load.ts';
import { initialValues, partOf } from '../../worker/settings/values.ts';
import { readTextFiles } from '../../worker/loader/text-files.ts';
import { openTokenizer, type TextTokenizer } from '../../worker/text/tokenizer.ts';
import { answerAll, type Answer } from '../headless/answer.ts';
import { scoreOf, type Evaluation, type Sample } from './evaluation.ts';
import { takeWindows } from './held-out.ts';
import { repeatedPhrases } from './repeated-phrases.ts';

const WINDOW_TOKENS = 255;
const GREEDY_TOKENS = 200;
const SAMPLE_TOKENS = 100;
const PAGE_SAMPLING = partOf('sampling', initialValues());

const PROMPTS = [
  'Once upon a time there was a king who',
  'The fox said to the little girl, "',
  'In the middle of the forest stood an old house, and every night',
];

export interface Subject {
  /** The id or the folder that the headless runner knows the model by. */
  readonly model: string;
  readonly backend: BackendChoice;
  readonly source: ModelSource;
  /** The text that it was not trained on. */
  readonly heldOut: string;
  /** How many windows of it to read. */
  readonly windows: number;
}

/** @throws Error if the model has no tokenizer */
export async function tokenizerOf(model: string, source: ModelSource): Promise<TextTokenizer> {
  const files = await readTextFiles(source);
  if (!files) throw new Error(`${model} has no tokenizer.json`);
  return openTokenizer(files.tokenizer);
}

/**
 * Measures a model through the headless runner: its loss on held-out text in both modes, and samples.
 *
 * @param report receives lines about the progress
 * @throws Error with the failure of the first request that fails
 */
export async function evaluate(
  engine: EngineApi,
  { model, backend, source, heldOut, windows: count }: Subject,
  report: (what: string) => void,
): Promise<Evaluation> {
  const { dims, stored } = valueOf(
    parseModelConfig(JSON.parse((await source.text('config.json')) ?? 'null')),
  );
  const tokenizer = await tokenizerOf(model, source);
  const { windows, tokens, bytes } = takeWindows(heldOut, tokenizer, count, WINDOW_TOKENS);

  const run = async (request: object) => {
    // Always says how to draw: an evaluation must not depend on the model's generation_config.json.
    const asked = { model, backend, sampling: { temperature: 0 }, ...request };
    const answer = (await answerAll(engine, asked)) as Answer; // one for one
    if (!answer.ok) throw new Error(`${model}: ${JSON.stringify(answer.failure)}`);
    if (!('tokens' in answer)) throw new Error(`${model}: the answer is not that of a run`);
    return answer;
  };
  const score = async (mode: Mode) => {
    const reading = { config: {}, mode, kvPrecision: 'f16', policy: { id: 'none' } } as const;
    const items = windows.map((window) => ({ tokens: window }));
    const work = { kind: 'tokens', items, promptTokens: null } as const;
    let logLikelihood = 0;
    let read = 0;
    const measured = await engine.measure({ ...reading, work }, (event) => {
      if (event.type !== 'measured' || event.measured.kind !== 'likelihood') return;
      logLikelihood += event.measured.requests[0]?.logLikelihood ?? NaN;
      if (++read % 20 === 0) report(`${model}, ${mode}: ${read} windows`);
    });
    valueOf(measured);
    return scoreOf(-logLikelihood / tokens, tokens, bytes);
  };
  const sample = async (prompt: string): Promise<Sample> => {
    const greedy = await run({ prompt, maxNewTokens: GREEDY_TOKENS, ignoreEos: true });
    const sampled = await run({ prompt, maxNewTokens: SAMPLE_TOKENS, sampling: PAGE_SAMPLING });
    return { prompt, text: sampled.text ?? '', ...repeatedPhrases(greedy.tokens) };
  };

  const { sharing } = valueOf(applyConfig(stored, {}, dims.layerCount));
  const samples: Sample[] = [];
  for (const prompt of PROMPTS) samples.push(await sample(prompt));
  return {
    layerTypes: stored.layerTypes,
    backend,
    windows: windows.length,
    windowTokens: WINDOW_TOKENS,
    parallel: await score('parallel'),
    sequential: await score('sequential'),
    kvBytesPerToken: kvBytesPerToken(sharing, dims, 'f16'),
    plainKvBytesPerToken: plainKvBytesPerToken(dims, 'f16'),
    contextTokens: dims.contextTokens,
    kvBytesAtContext: kvBytesHeld(sharing, dims, 'f16', dims.contextTokens),
    samples,
  };
}
