import type { Backend } from '../../gpu/backend.ts';
import { fastestMode } from '../../gpu/plan/choose-mode.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import { load, once, promptOf } from './bench.ts';
import { countToken } from './count/count-token.ts';
import type { BenchRequest } from './options.ts';

/** The shipped models' shape, in `parseShape`'s order. Their own context ends at 512 tokens, and weights do not matter. */
const SHAPE = '8,192,512,6,2,32,2048';
const PLANS = [
  { name: 'LLaMA', layerTypes: '0_1_2_3_4_5_6_7' },
  { name: 'LCKV', layerTypes: '0_6_6_6_6_6_6_7' },
  { name: 'windows', layerTypes: '0s_1s_2s_3s_4s_5s_6s_7s' },
] as const;
const WINDOW = 512;
const MEASURED = [64, 512, 2048, 8192];
const COUNTED = [...MEASURED, 32_768];
/** Tokens of a round: its time is noise if it is short, and its text grows if it is long. */
const TOKENS = 17;

/** How a token and a prompt grow with the text. */
export interface GrowthReport {
  readonly shape: string;
  readonly windowTokens: number;
  readonly adapter: Backend['adapter'];
  readonly plans: readonly {
    readonly name: string;
    readonly layerTypes: string;
    /** On this processor. The fastest of `--repeats` rounds: what a busy machine disturbed least. */
    readonly measured: readonly MeasuredAt[];
    /** What a decoded token asks of a GPU, as `--count` counts it. */
    readonly counted: readonly CountedAt[];
  }[];
}

interface MeasuredAt {
  /** Of the prompt. */
  readonly tokens: number;
  /** How the prompt was read: the faster way, as the mode `fastest` would. */
  readonly mode: Mode;
  readonly prefillMs: number;
  readonly msPerToken: number;
}

interface CountedAt {
  readonly tokens: number;
  readonly dispatches: number;
  readonly memoryBytes: number;
  readonly cacheBytes: number;
}

/** Measures on the processor, and counts for a GPU, how decoding and reading grow under three plans. */
export async function benchGrowth(asked: BenchRequest, backend: Backend): Promise<GrowthReport> {
  const noModel = () => {
    throw new Error('growth is measured with random weights');
  };
  const plans = [];
  for (const { name, layerTypes } of PLANS) {
    const config = { ...asked.config, layerTypes, slidingWindow: WINDOW };
    const request = { ...asked, shape: SHAPE, config };
    const loaded = await load(request, backend, noModel);
    const { layers } = loaded.plan.sharing;
    const measured: MeasuredAt[] = [];
    for (const promptTokens of MEASURED) {
      const { passes } = loaded.plan;
      const { adapter } = backend;
      const { mode } = fastestMode({ layers, promptTokens, passes, useSequential: false, adapter });
      const run = { ...request, mode, promptTokens, newTokens: TOKENS };
      // A short prompt takes milliseconds, and has more rounds.
      const rounds = promptTokens < 1024 ? 10 * asked.repeats : asked.repeats;
      let [prefillMs, msPerToken] = [Infinity, Infinity];
      for (let round = 0; round < rounds; round++) {
        const speeds = await once(loaded, run, promptOf(run, loaded));
        prefillMs = Math.min(prefillMs, (1000 * promptTokens) / speeds.prefillTokensPerSec);
        msPerToken = Math.min(msPerToken, 1000 / speeds.decodeTokensPerSec);
      }
      measured.push({ tokens: promptTokens, mode, prefillMs, msPerToken });
    }
    loaded.model.free();
    const counted: CountedAt[] = [];
    for (const contextTokens of COUNTED) {
      const how = { contextTokens, prefillTokens: null, tuning: 'hardware', batch: 1 } as const;
      const { dispatches, memoryBytes, cacheBytes } = await countToken(request, how, noModel);
      counted.push({ tokens: contextTokens, dispatches, memoryBytes, cacheBytes });
    }
    plans.push({ name, layerTypes, measured, counted });
  }
  return { shape: SHAPE, windowTokens: WINDOW, adapter: backend.adapter, plans };
}
