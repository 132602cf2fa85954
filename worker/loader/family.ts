import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { HostileFields } from '../hostile-fields.ts';

const families = ['llama', 'lckv-llama', 'mistral', 'qwen2', 'qwen3'] as const;

/** The `model_type` of a decoder that can be computed. Families differ in what the same fields mean. */
export type Family = (typeof families)[number];

/** The family that config.json names; `bad-config` for one that cannot be computed. */
export function readFamily(fields: HostileFields): Family {
  const name = fields.text('model_type');
  const family = families.find((known) => known === name);
  return family ?? fields.refuse('model_type', `"${name}" is none of ${families.join(', ')}`);
}

/** What transformers takes where a config.json of the family leaves a field out. */
interface FamilyDefaults {
  /** null: the hidden size split among the heads. */
  readonly headDim: number | null;
  readonly contextTokens: number;
  /** null: there are no windows, and the context is as good as any. */
  readonly windowTokens: number | null;
}

export const familyDefaults: Readonly<Record<Family, FamilyDefaults>> = {
  llama: { headDim: null, contextTokens: 2048, windowTokens: null },
  'lckv-llama': { headDim: null, contextTokens: 2048, windowTokens: 4096 },
  mistral: { headDim: null, contextTokens: 131_072, windowTokens: 4096 },
  qwen2: { headDim: null, contextTokens: 32_768, windowTokens: 4096 },
  qwen3: { headDim: 128, contextTokens: 32_768, windowTokens: 4096 },
};

/** Which projections carry biases. A field that the family's own code would ignore is refused where it says yes. */
export function readBiases(
  fields: HostileFields,
  family: Family,
): Pick<ModelDims, 'qkvBias' | 'outputBias' | 'mlpBias'> {
  const attention = fields.flag('attention_bias', false);
  const mlpBias = fields.flag('mlp_bias', false);
  const isLlama = family === 'llama' || family === 'lckv-llama';
  if (mlpBias && !isLlama) fields.refuse('mlp_bias', `${family} has no such biases`);
  switch (family) {
    case 'llama':
    case 'lckv-llama':
    case 'qwen3':
      return { qkvBias: attention, outputBias: attention, mlpBias };
    case 'qwen2':
      // Qwen2 biases its queries, keys and values without saying so.
      return { qkvBias: true, outputBias: false, mlpBias };
    case 'mistral':
      if (attention) fields.refuse('attention_bias', 'mistral has no such biases');
      return { qkvBias: false, outputBias: false, mlpBias };
  }
}
