/**
 * The nine layouts of "A Systematic Study of Cross-Layer KV Sharing", arXiv:2410.14442: three ways to choose which
 * layers keep their own KV, times the place of the layer whose KV the rest of a group reads.
 *
 * With l caches in L layers: a pizza keeps the first l − 1 layers plain and shares one cache among the rest; a
 * sandwich keeps l − 1 plain layers half below, half above, and shares one among those between; a lasagna is l
 * groups of neighbors that share one each. LCKV is the sandwich with its KV on top, CLA the lasagna with its KV at
 * the bottom, YOCO the pizza with its KV at the bottom and windows below.
 */
import { words } from './words.ts';
import { full, perLayer, type Preset } from './preset.ts';

export const studyPaper = {
  title: 'A Systematic Study of Cross-Layer KV Sharing for Efficient LLM Inference',
  url: 'https://arxiv.org/abs/2410.14442',
};

type Place = 'bottom' | 'middle' | 'top';

/** A group of neighboring layers that all read one of them. */
interface Span {
  readonly first: number;
  readonly last: number;
}

/** The layer whose KV a group reads; if there are two in the middle, the lower one. */
export function placeIn({ first, last }: Span, place: Place): number {
  if (place === 'bottom') return first;
  return place === 'top' ? last : Math.floor((first + last) / 2);
}

/** The group of a sandwich between its plain layers; if their number is odd, one more lies below. */
export function sandwichSpan(layerCount: number, plainLayers: number): Span {
  const below = Math.ceil(plainLayers / 2);
  return { first: below, last: layerCount - 1 - (plainLayers - below) };
}

/** The group of a lasagna that contains a layer; if groups cannot be equal, the first ones have one more layer. */
function lasagnaSpan(layerCount: number, groups: number, layer: number): Span {
  const small = Math.floor(layerCount / groups);
  const larger = layerCount % groups;
  const boundary = larger * (small + 1);
  const size = layer < boundary ? small + 1 : small;
  const base = layer < boundary ? 0 : boundary;
  const first = base + Math.floor((layer - base) / size) * size;
  return { first, last: first + size - 1 };
}

const spans = {
  pizza: (layerCount: number, caches: number): Span => ({ first: caches - 1, last: layerCount - 1 }),
  sandwich: (layerCount: number, caches: number): Span => sandwichSpan(layerCount, caches - 1),
};

const halfOfLayers = (layerCount: number) => Math.max(2, Math.ceil(layerCount / 2));

const layouts = [
  { layout: 'pizza', usual: halfOfLayers },
  { layout: 'sandwich', usual: () => 3 },
  { layout: 'lasagna', usual: halfOfLayers },
] as const;

const places: readonly Place[] = ['bottom', 'middle', 'top'];

export const studyPresets: readonly Preset[] = layouts.flatMap(({ layout, usual }) =>
  places.map((place): Preset => ({
    id: `${layout}-${place}`,
    name: words.study.name(words.study.layouts[layout].name, place),
    sentence: words.study.layouts[layout].sentence(words.study.places[place]),
    paper: studyPaper,
    minLayers: 4,
    parameter: { name: words.parameters.kvLayers, min: 1, max: (layerCount) => layerCount - 1, usual },
    generate: (layerCount, caches) =>
      perLayer(layerCount, (layer) => {
        const span =
          layout === 'lasagna' ? lasagnaSpan(layerCount, caches, layer) : spans[layout](layerCount, caches);
        const plain = layer < span.first || layer > span.last;
        return full(plain ? layer : placeIn(span, place));
      }),
  })),
);
