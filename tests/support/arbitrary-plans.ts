import { parseLayerTypes, type LayerType } from '../../gpu/plan/layer-types.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { fc } from './seeded-properties.ts';

/** The layers of a valid `layer_types` text. */
export function layersOf(text: string): readonly LayerType[] {
  const parsed = parseLayerTypes(text, text.split('_').length);
  if (!parsed.ok) throw new Error(`"${text}", layer ${parsed.at}: ${parsed.reason}`);
  return parsed.value;
}

export const sharingOf = (text: string, more: Partial<Omit<Sharing, 'layers'>> = {}): Sharing => ({
  layers: layersOf(text),
  windowTokens: 4,
  forceNodiag: false,
  ...more,
});

/** Any valid plan: each layer reads any layer, through the window or not. */
/** Whether a layer reads above itself: differences of rounding then go on from token to token, and may grow. */
export const feedsBack = ({ layers }: Sharing): boolean =>
  layers.some(({ readsFrom, index }) => readsFrom > index);

/** The same plan with layers that read themselves instead of those above. */
export const withoutFeedback = (sharing: Sharing): Sharing => ({
  ...sharing,
  layers: sharing.layers.map((layer) => ({ ...layer, readsFrom: Math.min(layer.readsFrom, layer.index) })),
});

export const arbitraryLayers = (maxLayers = 8): fc.Arbitrary<readonly LayerType[]> =>
  fc
    .integer({ min: 1, max: maxLayers })
    .chain((layerCount) =>
      fc.array(fc.record({ readsFrom: fc.nat(layerCount - 1), windowed: fc.boolean() }), {
        minLength: layerCount,
        maxLength: layerCount,
      }),
    )
    .map((layers) => layers.map((layer, index) => ({ index, ...layer })));

export const arbitrarySharing = (maxLayers = 8): fc.Arbitrary<Sharing> =>
  fc.record({
    layers: arbitraryLayers(maxLayers),
    windowTokens: fc.integer({ min: 1, max: 6 }),
    forceNodiag: fc.boolean(),
  });
