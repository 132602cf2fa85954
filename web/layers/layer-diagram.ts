import type { LayerType } from '../../gpu/plan/layer-types.ts';
import { ownersOf } from '../../gpu/plan/layer-types.ts';

/** Where things are drawn, in units of the picture's own. */
export interface LayerDiagram {
  readonly width: number;
  readonly height: number;
  readonly baseline: number;
  readonly nodes: readonly LayerNode[];
  readonly arcs: readonly LayerArc[];
}

export interface LayerNode {
  readonly layer: number;
  readonly x: number;
  readonly owner: boolean;
}

/** From a layer to the one whose KV it reads: over the row where that is a later layer, under it where earlier. */
export interface LayerArc {
  readonly layer: number;
  readonly path: string;
  readonly windowed: boolean;
  readonly above: boolean;
}

const PITCH = 40;
const RADIUS = 11;
const FLATNESS = 0.42;

/** A plan as a row of layers, first layer left, with an arc for each layer that reads another's KV. */
export function layoutDiagram(layers: readonly LayerType[]): LayerDiagram {
  const owners = new Set(ownersOf(layers));
  const reach = (above: boolean) =>
    Math.max(0, ...layers.map(({ readsFrom, index }) => (above ? readsFrom - index : index - readsFrom)));
  const rise = (span: number) => (span === 0 ? 0 : Math.min(24 + span * PITCH * FLATNESS * 0.5, 110));
  const centre = (layer: number) => (layer + 0.5) * PITCH;
  const baseline = rise(reach(true)) + RADIUS + 6;

  return {
    width: layers.length * PITCH,
    height: baseline + RADIUS + 6 + rise(reach(false)),
    baseline,
    nodes: layers.map(({ index }) => ({ layer: index, x: centre(index), owner: owners.has(index) })),
    arcs: layers
      .filter(({ index, readsFrom }) => index !== readsFrom)
      .map(({ index, readsFrom, windowed }) => {
        const above = readsFrom > index;
        const edge = baseline + (above ? -RADIUS : RADIUS);
        // A quadratic curve peaks halfway to its control point.
        const peak = edge + (above ? -2 : 2) * rise(Math.abs(readsFrom - index)) * 0.9;
        const middle = (centre(index) + centre(readsFrom)) / 2;
        return {
          layer: index,
          path: `M ${centre(index)} ${edge} Q ${middle} ${peak} ${centre(readsFrom)} ${edge}`,
          windowed,
          above,
        };
      }),
  };
}
