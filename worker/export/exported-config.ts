import { formatLayerTypes, ownsItsKv, readsAbove } from '../../gpu/plan/layer-types.ts';
import type { Passes } from '../../gpu/plan/forward-plan.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import type { ModelConfig } from '../loader/model-config.ts';
import type { ExportResult, RoundTo } from '../protocol/export.ts';
import { formatJsonFields, jsonFields } from './json-fields.ts';

/** The plan under which a model is exported. */
export interface ExportedPlan {
  readonly sharing: Sharing;
  readonly passes: Passes;
}

export interface ExportedConfig {
  readonly text: string;
  readonly readBy: ExportResult['readBy'];
}

const dtypes = { f16: '"float16"', bf16: '"bfloat16"' } as const;

/**
 * The config.json of a checkpoint under another plan: the stored one, with the fields that the plan changes. A LLaMA or
 * Mistral that shares KV becomes an `lckv-llama`, with the fields that LCKV's code reads, and one that does not a plain
 * `llama`, which everything reads. LCKV's code has no Qwen.
 *
 * @param text   the stored config.json
 * @param stored the plan in it
 * @param type   the type in which the embedding is written; null if the weights stay as they are
 */
export function exportedConfig(
  text: string,
  config: ModelConfig,
  stored: ExportedPlan,
  wanted: ExportedPlan,
  type: RoundTo | null,
): ExportedConfig {
  const fields = jsonFields(text);
  if (type) fields.set(fields.has('dtype') ? 'dtype' : 'torch_dtype', dtypes[type]);
  // The files may hold a separate LM head even if the stored config.json says that it is tied.
  if (!config.dims.tiedEmbeddings && fields.has('tie_word_embeddings')) {
    fields.set('tie_word_embeddings', 'false');
  }
  const write = (readBy: ExportResult['readBy']) => ({ text: formatJsonFields(fields), readBy });

  const { family } = config;
  const isQwen = family === 'qwen2' || family === 'qwen3';
  const { layers, windowTokens, forceNodiag } = wanted.sharing;
  const isPlain = layers.every(ownsItsKv) && !forceNodiag;
  const anyWindow = layers.some(({ windowed }) => windowed);
  if (family === 'lckv-llama' && isPlain && !anyWindow) {
    becomeLlama(fields);
    return write('transformers');
  }
  if (isSamePlan(stored, wanted)) {
    const asText = fields.get('layer_types')?.startsWith('"') ?? false;
    if (isQwen) return write(asText ? 'kvtab' : 'transformers');
    return write(family === 'lckv-llama' ? 'lckv' : 'transformers');
  }
  const window = anyWindow ? `${windowTokens}` : 'null';

  if (isPlain && isQwen) {
    const types = layers.map(({ windowed }) => (windowed ? 'sliding_attention' : 'full_attention'));
    fields.set('layer_types', JSON.stringify(types));
    fields.set('use_sliding_window', `${anyWindow}`);
    fields.set('sliding_window', window);
    return write('transformers');
  }
  if (isPlain && family === 'mistral' && layers.every(({ windowed }) => windowed === anyWindow)) {
    fields.delete('layer_types');
    fields.set('sliding_window', window);
    return write('transformers');
  }
  if (!isQwen) becomeLckv(fields, config);
  setLckvFields(fields, config, wanted);
  return write(isQwen ? 'kvtab' : 'lckv');
}

/** Whether two plans compute the same. Fields that no layer uses do not count. */
function isSamePlan(one: ExportedPlan, other: ExportedPlan): boolean {
  const [a, b] = [one.sharing, other.sharing];
  const windows = a.layers.some(({ windowed }) => windowed);
  return (
    formatLayerTypes(a.layers) === formatLayerTypes(b.layers) &&
    a.forceNodiag === b.forceNodiag &&
    (!windows || a.windowTokens === b.windowTokens) &&
    (!a.layers.some(readsAbove) ||
      (one.passes.forward === other.passes.forward && one.passes.backward === other.passes.backward))
  );
}

/** What is left of an `lckv-llama` in which every layer keeps its own KV and sees everything. */
function becomeLlama(fields: Map<string, string>): void {
  fields.set('model_type', '"llama"');
  fields.set('architectures', '["LlamaForCausalLM"]');
  for (const name of ['auto_map', ...LCKV_FIELDS]) fields.delete(name);
}

/** LCKV's code needs transformers 4, so it reads `torch_dtype`, `rope_theta` and `rope_scaling`. */
function becomeLckv(fields: Map<string, string>, { dims }: ModelConfig): void {
  fields.set('model_type', '"lckv-llama"');
  fields.set('architectures', '["LCKVLlamaForCausalLM"]');
  fields.delete('auto_map');
  const dtype = fields.get('dtype');
  fields.delete('dtype');
  if (dtype !== undefined) fields.set('torch_dtype', dtype);
  // Families have different defaults for absent fields.
  fields.set('head_dim', `${dims.headDim}`);
  fields.set('num_key_value_heads', `${dims.kvHeads}`);
  fields.set('max_position_embeddings', `${dims.contextTokens}`);

  const parameters = fields.get('rope_parameters');
  fields.delete('rope_parameters');
  if (parameters === undefined || !parameters.startsWith('{') || hasScaling(fields)) return;
  const scaling = jsonFields(parameters);
  const theta = scaling.get('rope_theta');
  if (theta !== undefined) fields.set('rope_theta', theta);
  scaling.delete('rope_theta');
  const stretched = scaling.has('factor');
  fields.set('rope_scaling', stretched ? formatJsonFields(scaling).trimEnd() : 'null');
}

const hasScaling = (fields: ReadonlyMap<string, string>) =>
  ![undefined, 'null', '{}'].includes(fields.get('rope_scaling'));

const LCKV_FIELDS = [
  'layer_types',
  'forward_passes',
  'backward_passes',
  'sliding_window',
  'use_sequential',
  'force_nodiag',
] as const;

function setLckvFields(
  fields: Map<string, string>,
  { useSequential }: ModelConfig,
  { sharing, passes }: ExportedPlan,
): void {
  const plan: Readonly<Record<(typeof LCKV_FIELDS)[number], string>> = {
    layer_types: JSON.stringify(formatLayerTypes(sharing.layers)),
    forward_passes: `${passes.forward}`,
    backward_passes: `${passes.backward}`,
    sliding_window: `${sharing.windowTokens}`,
    use_sequential: `${useSequential}`,
    force_nodiag: `${sharing.forceNodiag}`,
  };
  for (const [name, value] of Object.entries(plan)) fields.set(name, value);
}
