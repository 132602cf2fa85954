import type { LayerType, Parsed } from '../../gpu/plan/layer-types.ts';
import { outsideRange } from '../../gpu/plan/sampling.ts';
import type { GenerateRequest } from '../../worker/protocol/generate.ts';
import type { SharingConfig } from '../../worker/protocol/load.ts';
import { explain } from '../ui/explain.ts';
import type { NumberRange } from '../ui/field-number.ts';
import {
  fieldNames,
  numberRanges,
  type CheckedKey,
  type NumberKey,
  type PlaygroundConfig,
} from './settings.ts';

/** What is wrong with a configuration, by field, in words. Empty where it can run. */
export type Problems = Partial<Record<CheckedKey, string>>;

const numberKeys = Object.keys(numberRanges) as NumberKey[]; // Object.keys forgets what the table's type says

/**
 * Finds every field that keeps a configuration from running.
 *
 * @param plan the configuration's `layerTypes`, parsed; null while the number of layers is not known
 */
export function checkConfig(
  config: Readonly<PlaygroundConfig>,
  plan: Parsed<readonly LayerType[]> | null,
): Problems {
  const problems: Problems = {};
  for (const key of numberKeys) {
    const range = numberRanges[key];
    if (outsideRange(config[key] ?? NaN, range) !== null) problems[key] = describeRange(range);
  }
  if (config.forwardPasses === 0 && config.backwardPasses === 0) {
    problems.backwardPasses = 'At least one pass is needed, forward or backward.';
  }
  if (plan && !plan.ok) {
    problems.layerTypes = explain({ code: 'bad-layer-types', at: plan.at, reason: plan.reason });
  }
  return problems;
}

function describeRange({ min, max, whole }: NumberRange): string {
  const kind = whole ? 'a whole number' : 'a number';
  return max === Number.MAX_SAFE_INTEGER
    ? `Enter ${kind} from ${min} up.`
    : `Enter ${kind} from ${min} to ${max.toLocaleString('en')}.`;
}

/** The names of the fields that have a problem, in the order of the page. */
export const namesOfWrongFields = (problems: Problems) =>
  Object.entries(fieldNames)
    .filter(([key]) => key in problems)
    .map(([, name]) => name);

/** The sharing that a configuration asks for, or null while one of its numbers is missing. */
export function toSharingConfig(config: Readonly<PlaygroundConfig>): SharingConfig | null {
  const { slidingWindow, forwardPasses, backwardPasses, forceNodiag } = config;
  if (slidingWindow === null || forwardPasses === null || backwardPasses === null) return null;
  return { layerTypes: config.layerTypes.trim(), slidingWindow, forwardPasses, backwardPasses, forceNodiag };
}

/** The run that a configuration asks for, or null while one of its numbers is missing. */
export function toGenerateRequest(config: Readonly<PlaygroundConfig>): GenerateRequest | null {
  const sharing = toSharingConfig(config);
  const { maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, seed } = config;
  if (!sharing) return null;
  if (maxNewTokens === null || temperature === null || topK === null || topP === null) return null;
  if (minP === null || repetitionPenalty === null || seed === null) return null;
  return {
    input: { text: config.prompt },
    config: sharing,
    mode: config.mode,
    kvPrecision: config.kvPrecision,
    maxNewTokens,
    ignoreEos: false,
    sampling: { temperature, topK, topP, minP, repetitionPenalty, seed },
    logits: [],
    score: false,
  };
}
