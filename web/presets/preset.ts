/** One layer of a generated plan. */
export interface Entry {
  readonly readsFrom: number;
  readonly windowed: boolean;
}

export interface Paper {
  readonly title: string;
  readonly url: string;
}

/** The one number that a preset leaves open. */
export interface Parameter {
  readonly name: string;
  readonly min: number;
  /** The largest meaningful value for this number of layers. */
  readonly max: (layerCount: number) => number;
  readonly usual: (layerCount: number) => number;
}

/** A published way to share KV, for any number of layers. */
export interface Preset {
  readonly id: string;
  readonly name: string;
  readonly sentence: string;
  readonly paper: Paper;
  /** The fewest layers for which the layout differs from the others. */
  readonly minLayers: number;
  readonly parameter: Parameter | null;
  /** @param parameter the value of {@link Preset.parameter}; ignored if there is none */
  readonly generate: (layerCount: number, parameter: number) => readonly Entry[];
}

export const full = (readsFrom: number): Entry => ({ readsFrom, windowed: false });
export const windowed = (readsFrom: number): Entry => ({ readsFrom, windowed: true });

/** One entry per layer, computed from its number. */
export const perLayer = (layerCount: number, entry: (layer: number) => Entry) =>
  Array.from({ length: layerCount }, (_, layer) => entry(layer));
