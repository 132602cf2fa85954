import { kvBytesHeld, kvBytesPerToken, type KvPrecision } from '../../../gpu/kv/usage.ts';
import type { WeightFormats, WeightPrecision } from '../../../gpu/numbers/matrix-format.ts';
import { weightBytesOnCpu, weightBytesOnGpu } from '../../../gpu/numbers/weight-bytes.ts';
import { largestThatFits } from '../../../gpu/plan/largest-that-fits.ts';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import type { LookedConfig } from '../../../worker/protocol/hub.ts';

/** The formats that the page says the memory of. */
export const FORMATS = ['f16', 'q8', 'q4'] as const satisfies readonly WeightPrecision[];
/** What WebAssembly can address. Nothing of a model lies outside it on the CPU. */
export const WASM_BYTES = 4 * 2 ** 30;

/** Whoever has room for fewer tokens has room for none. */
const SHORTEST_TEXT = 128;

/** What a model takes on one backend. */
export interface Needed {
  readonly weightBytes: number;
  /** The longest text whose KV fits beside the weights, up to the context; 0 if the model is too large. */
  readonly longestText: number;
}

export interface OutlookRow {
  readonly format: (typeof FORMATS)[number];
  readonly gpu: Needed;
  readonly cpu: Needed;
}

/** What a model will need, by its config.json. */
export interface Outlook {
  readonly layerTypes: string;
  readonly contextTokens: number;
  readonly kvBytesPerToken: number;
  /** Bytes of KV once one text fills the context, under the model's own plan. Windows bound their caches. */
  readonly kvBytes: number;
  readonly rows: readonly OutlookRow[];
}

interface Asked {
  readonly kvPrecision: KvPrecision;
  readonly quantizeEmbeddings: boolean;
  /** How much memory there is; null if that is not known. */
  readonly memoryBytes: number | null;
}

/**
 * What a model will need of the device. Scratch and the logits are left out: they are small beside the weights.
 *
 * @returns null if the model's plan cannot be read, which loading would refuse
 */
export function outlookOf(config: LookedConfig, asked: Asked): Outlook | null {
  const { dims, stored, storedAs } = config;
  const plan = parseLayerTypes(stored.layerTypes, dims.layerCount);
  if (!plan.ok) return null;
  const sharing = {
    layers: plan.value,
    windowTokens: stored.slidingWindow,
    forceNodiag: stored.forceNodiag,
  };
  const weights = { dims, storedLayers: plan.value, storedAs };
  const memoryBytes = asked.memoryBytes ?? Infinity;
  const kvBytesOf = (tokens: number) => kvBytesHeld(sharing, dims, asked.kvPrecision, tokens);
  const needed = (weightBytes: number, limitBytes: number): Needed => {
    const fits = (tokens: number) => weightBytes + kvBytesOf(tokens) <= limitBytes;
    const tokens = largestThatFits(dims.contextTokens, fits);
    return { weightBytes, longestText: tokens < Math.min(SHORTEST_TEXT, dims.contextTokens) ? 0 : tokens };
  };
  return {
    layerTypes: stored.layerTypes,
    contextTokens: dims.contextTokens,
    kvBytesPerToken: kvBytesPerToken(sharing, dims, asked.kvPrecision),
    kvBytes: kvBytesOf(dims.contextTokens),
    rows: FORMATS.map((format) => {
      const formats: WeightFormats = { weights: format, quantizeEmbeddings: asked.quantizeEmbeddings };
      return {
        format,
        gpu: needed(weightBytesOnGpu(weights, formats), memoryBytes),
        cpu: needed(weightBytesOnCpu(weights, formats), Math.min(memoryBytes, WASM_BYTES)),
      };
    }),
  };
}
