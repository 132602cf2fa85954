import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { show, type HostileFields } from '../hostile-fields.ts';

const families = ['llama', 'lckv-llama', 'mistral', 'qwen2', 'qwen3'] as const;

/** The `model_type` of a decoder that can be computed. Families differ in what the same fields mean. */
export type Family = (typeof families)[number];

/** The family that config.json names; `bad-config` for one that cannot be computed. */
export function readFamily(fields: HostileFields): Family {
  const name = fields.text('model_type');
  const family = families.find((known) => known === name);
  return family ?? fields.refuse('model_type', `${show(name)} is none of ${families.join(', ')}`);
}

/** transformers' defaults for fields that a config.json of the family leaves out. */
interface FamilyDefaults {
  /** null: the hidden size split among the heads. */
  readonly headDim: number | null;
  readonly contextTokens: number;
  /** null: the family has no windows. */
  readonly windowTokens: number | null;
}

export const familyDefaults: Readonly<Record<Family, FamilyDefaults>> = {
  llama: { headDim: null, contextTokens: 2048, windowTokens: null },
  'lckv-llama': { headDim: null, contextTokens: 2048, windowTokens: 4096 },
  mistral: { headDim: null, contextTokens: 131_072, windowTokens: 4096 },
  qwen2: { headDim: null, contextTokens: 32_768, windowTokens: 4096 },
  qwen3: { headDim: 128, contextTokens: 32_768, windowTokens: 4096 },
};

/**
 * Which projections have biases. A family's own code may ignore a field, and so does this: biases that the files hold
 * nevertheless are named among the unused tensors.
 */
export function readBiases(
  fields: HostileFields,
  family: Family,
): Pick<ModelDims, 'qkvBias' | 'outputBias' | 'mlpBias'> {
  const attention = fields.flag('attention_bias', false);
  const mlpBias = fields.flag('mlp_bias', false);
  switch (family) {
    case 'llama':
    case 'lckv-llama':
      return { qkvBias: attention, outputBias: attention, mlpBias };
    case 'qwen3':
      return { qkvBias: attention, outputBias: attention, mlpBias: false };
    case 'qwen2':
      // Qwen2 always biases its queries, keys and values. Its config.json has no field for it.
      return { qkvBias: true, outputBias: false, mlpBias: false };
    case 'mistral':
      return { qkvBias: false, outputBias: false, mlpBias: false };
  }
}
