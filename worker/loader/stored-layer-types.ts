import { formatLayerTypes, parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import { brief, show, type HostileFields } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';
import { familyDefaults, type Family } from './family.ts';

/**
 * The plan under which a checkpoint was written, in LCKV's notation.
 *
 * The field `layer_types` is LCKV's text, or an array of `full_attention` and `sliding_attention` (Hugging Face),
 * or absent: then the family's own rule says which layers are windowed.
 *
 * @throws Refused with `bad-layer-types` at the first layer that cannot be read
 */
export function readLayerTypes(fields: HostileFields, family: Family, layerCount: number): string {
  const said = fields.raw('layer_types');
  if (typeof said === 'string') {
    const parsed = parseLayerTypes(said, layerCount);
    if (!parsed.ok)
      throw new Refused({ code: 'bad-layer-types', at: parsed.at, reason: brief(parsed.reason) });
    return formatLayerTypes(parsed.value);
  }
  if (Array.isArray(said)) return fromArray(said, layerCount);
  if (said !== undefined) fields.refuse('layer_types', `${show(said)} is neither a text nor an array`);

  const windowedFrom = firstWindowedLayer(fields, family);
  return plainLayers(layerCount, (layer) => layer >= windowedFrom);
}

function fromArray(entries: readonly unknown[], layerCount: number): string {
  const complain = (at: number, reason: string): never => {
    throw new Refused({ code: 'bad-layer-types', at, reason });
  };
  if (entries.length !== layerCount) {
    const at = Math.min(entries.length, layerCount);
    complain(at, `the model has ${layerCount} layers, the array ${entries.length} entries`);
  }
  return plainLayers(layerCount, (layer) => {
    const entry = entries[layer];
    if (entry === 'sliding_attention') return true;
    if (entry === 'full_attention') return false;
    return complain(layer, `${show(entry)} is neither full_attention nor sliding_attention`);
  });
}

/** The window if the file does not mention it; null if the family has none, or if the file does mention it. */
export const defaultWindow = (fields: HostileFields, family: Family): number | null =>
  fields.says('sliding_window') ? null : familyDefaults[family].windowTokens;

/** Mistral's window covers every layer. Qwen's has to be switched on, and then starts at a given layer. */
function firstWindowedLayer(fields: HostileFields, family: Family): number {
  if (!fields.has('sliding_window') && defaultWindow(fields, family) === null) return Infinity;
  switch (family) {
    case 'mistral':
      return 0;
    case 'qwen2':
    case 'qwen3':
      return fields.flag('use_sliding_window', false)
        ? fields.whole('max_window_layers', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 28 })
        : Infinity;
    case 'llama':
    case 'lckv-llama':
      return Infinity;
  }
}

const plainLayers = (layerCount: number, windowed: (layer: number) => boolean) =>
  formatLayerTypes(
    Array.from({ length: layerCount }, (_, layer) => ({ readsFrom: layer, windowed: windowed(layer) })),
  );
