/** One layer of a generated plan. */
export interface Entry {
  readonly readsFrom: number;
  readonly windowed: boolean;
}

export interface Paper {
  readonly title: string;
  readonly url: string;
}

/** The one number that a family of layouts leaves open. */
export interface Parameter {
  readonly name: string;
  readonly min: number;
  /** Largest value that still says something for so many layers. */
  readonly max: (layerCount: number) => number;
  readonly usual: (layerCount: number) => number;
}

/** A published way to share KV, for any number of layers. */
export interface Preset {
  readonly id: string;
  readonly name: string;
  readonly sentence: string;
  readonly paper: Paper;
  /** Fewest layers for which the layout says anything of its own. */
  readonly minLayers: number;
  readonly parameter: Parameter | null;
  /** @param parameter the value of {@link Preset.parameter}; meaningless where there is none */
  readonly generate: (layerCount: number, parameter: number) => readonly Entry[];
}

export const full = (readsFrom: number): Entry => ({ readsFrom, windowed: false });
export const windowed = (readsFrom: number): Entry => ({ readsFrom, windowed: true });

/** One entry a layer, from the layer's number. */
export const perLayer = (layerCount: number, entry: (layer: number) => Entry) =>
  Array.from({ length: layerCount }, (_, layer) => entry(layer));
