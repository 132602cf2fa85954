/** One decoder layer: whose keys and values it attends to, and whether only through the sliding window. */
export interface LayerType {
  readonly index: number;
  readonly readsFrom: number;
  readonly windowed: boolean;
}

/** A parsed value, or the position (here: the layer) and the reason why there is none. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly at: number; readonly reason: string };

const complaint = (at: number, reason: string) => ({ ok: false, at, reason }) as const;

/**
 * Reads LCKV's notation (docs/semantics.md): one entry per layer, the number of the layer whose KV it reads, with `s` if
 * only through the sliding window: `"0_6s_6"`.
 *
 * @param layerCount layers of the model; the text must have exactly as many entries
 * @returns the layers in order, or the first entry that is wrong, by index, and what is wrong with it
 */
export function parseLayerTypes(text: string, layerCount: number): Parsed<readonly LayerType[]> {
  const entries = text.trim().split('_');
  const layers: LayerType[] = [];
  for (const [index, entry] of entries.slice(0, layerCount).entries()) {
    const match = /^(\d+)(s?)$/.exec(entry);
    if (!match?.[1]) {
      return complaint(
        index,
        entry === '' ? 'the entry is empty' : `"${abridge(entry)}" is not a layer number`,
      );
    }
    const readsFrom = Number(match[1]);
    if (readsFrom >= layerCount) return complaint(index, `there is no layer ${abridge(match[1])}`);
    layers.push({ index, readsFrom, windowed: match[2] === 's' });
  }
  if (entries.length !== layerCount) {
    const at = Math.min(entries.length, layerCount);
    const entriesSaid = entries.length === 1 ? '1 entry' : `${entries.length} entries`;
    return complaint(at, `the model has ${layerCount} layers, the text ${entriesSaid}`);
  }
  return { ok: true, value: layers };
}

const abridge = (entry: string) => (entry.length > 24 ? `${entry.slice(0, 24)}…` : entry);

/** The inverse of {@link parseLayerTypes}. */
export const formatLayerTypes = (layers: readonly Pick<LayerType, 'readsFrom' | 'windowed'>[]) =>
  layers.map((layer) => `${layer.readsFrom}${layer.windowed ? 's' : ''}`).join('_');

/** True if a layer needs KV that a later layer has yet to compute. */
export const readsAbove = (layer: LayerType) => layer.readsFrom > layer.index;

/** True if a layer attends to keys and values of its own. */
export const ownsItsKv = (layer: LayerType) => layer.readsFrom === layer.index;

/** The layers that own a KV cache, ascending: `"0_6_6_6_6_6_6_7"` → `[0, 6, 7]`. */
export const ownersOf = (layers: readonly LayerType[]) =>
  [...new Set(layers.map((layer) => layer.readsFrom))].sort((a, b) => a - b);
