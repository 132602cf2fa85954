import { median } from '../../worker/laboratory/statistics/moments.ts';
import type { WeightFormats, WeightPrecision } from '../../gpu/numbers/matrix-format.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { valueOf } from '../../worker/outcome.ts';
import type { EngineApi } from '../../worker/protocol/engine.ts';
import type { GenerateRequest, GenerateResult } from '../../worker/protocol/generate.ts';
import type { BackendChoice, ModelFacts } from '../../worker/protocol/load.ts';
import { whyNotComputed } from '../../worker/why-not-computed.ts';

/** One format of a model's weights: what it costs and gains, compared with the first format. */
export interface ComparedWeights {
  readonly weights: WeightPrecision;
  readonly quantizeEmbeddings: boolean;
  readonly weightBytes: number;
  /** Mean over all windows. */
  readonly natsPerToken: number;
  readonly natsMore: number;
  /** The median of the rounds. */
  readonly decodeTokensPerSec: number;
  /** The median of each round's ratio. */
  readonly timesAsFast: number;
}

export interface Comparison {
  readonly model: string;
  readonly adapter: ModelFacts['adapter'];
  readonly windows: number;
  readonly scoredTokens: number;
  readonly newTokens: number;
  readonly rounds: number;
  readonly formats: readonly ComparedWeights[];
}

/** 16 bits, which the others are compared with, and every quantized format that a backend computes. */
const formatsOf = (backend: BackendChoice): readonly WeightFormats[] => [
  { weights: 'f16', quantizeEmbeddings: false },
  ...(['q8', 'q4', 'w4a8'] as const)
    .filter((weights) => whyNotComputed(weights, backend) === null)
    .flatMap((weights) => [false, true].map((quantizeEmbeddings) => ({ weights, quantizeEmbeddings }))),
];

/**
 * Measures a model in every format of weights: its loss on the same text, and its speed, by turns.
 *
 * @param windows tokens of held-out text; every token of a window but the first is scored
 * @param report  receives lines about the progress
 * @throws Refused with the failure of the first call that fails
 */
export async function compareWeights(
  engine: EngineApi,
  request: {
    readonly model: string;
    readonly backend: BackendChoice;
    readonly windows: readonly (readonly number[])[];
    readonly newTokens: number;
    readonly rounds: number;
  },
  report: (what: string) => void,
): Promise<Comparison> {
  const { model, backend, windows, newTokens, rounds } = request;
  const measured = formatsOf(backend).map((format) => ({
    format,
    speeds: [] as number[],
    nats: 0,
    weightBytes: 0,
  }));
  let adapter: ModelFacts['adapter'] | null = null;
  for (let round = 0; round < rounds; round++) {
    for (const one of measured) {
      const facts = valueOf(await engine.load({ model, backend, ...one.format }, ignore));
      adapter = facts.adapter;
      one.weightBytes = facts.weightBytes;
      const prompt = windows[0]?.slice(0, 12) ?? [];
      await run(engine, prompt, { maxNewTokens: 4 }); // compiles
      const { timing } = await run(engine, prompt, { maxNewTokens: newTokens });
      one.speeds.push(timing.decodeTokensPerSec);
      if (round === 0) one.nats = await meanNats(engine, windows);
      const name = `${one.format.weights}${one.format.quantizeEmbeddings ? ' with embeddings' : ''}`;
      report(`round ${round + 1}: ${name}, ${timing.decodeTokensPerSec.toFixed(1)} tokens/s`);
    }
  }

  const [base] = measured;
  if (!base || !adapter) throw new Error('a comparison takes at least one round');
  return {
    ...{ model, adapter, newTokens, rounds },
    windows: windows.length,
    scoredTokens: windows.reduce((sum, window) => sum + window.length - 1, 0),
    formats: measured.map(({ format, speeds, nats, weightBytes }) => ({
      ...format,
      weightBytes,
      natsPerToken: nats,
      natsMore: nats - base.nats,
      decodeTokensPerSec: median(speeds),
      timesAsFast: median(speeds.map((speed, round) => speed / (base.speeds[round] ?? NaN))),
    })),
  };
}

const ignore = () => undefined;

async function meanNats(engine: EngineApi, windows: readonly (readonly number[])[]): Promise<number> {
  let sum = 0;
  let tokens = 0;
  for (const window of windows) {
    const { nats } = await run(engine, window, { maxNewTokens: 0, score: true });
    sum += (nats ?? NaN) * (window.length - 1);
    tokens += window.length - 1;
  }
  return sum / tokens;
}

async function run(
  engine: EngineApi,
  tokens: readonly number[],
  options: Pick<GenerateRequest, 'maxNewTokens'> & Partial<Pick<GenerateRequest, 'score'>>,
): Promise<GenerateResult> {
  const request: GenerateRequest = {
    input: { turns: [tokens] },
    config: {},
    mode: 'auto',
    kvPrecision: 'f16',
    policy: { id: 'none' },
    ignoreEos: true,
    sampling: greedy,
    logits: [],
    score: false,
    ...options,
  };
  return valueOf(await engine.generate(request, ignore));
}

/** The comparison as a table in Markdown. */
export function tableOf({ formats }: Comparison): string {
  const rows = formats.map((one) => [
    one.weights,
    one.weights === 'f16' ? 'yes' : one.quantizeEmbeddings ? 'yes' : 'as stored',
    (one.weightBytes / 1e6).toFixed(2),
    one.natsPerToken.toFixed(4),
    `${one.natsMore < 0 ? '−' : '+'}${Math.abs(one.natsMore).toFixed(4)}`,
    one.decodeTokensPerSec.toFixed(0),
    one.timesAsFast.toFixed(2),
  ]);
  const titles = [
    ...['weights', 'embeddings and head too', 'MB', 'nats per token', 'change'],
    ...['tokens/s', 'times as fast'],
  ];
  return [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
