import { expect, it } from 'vitest';
import { isCopy, kvSources, meanOf } from '../../../gpu/plan/conversion.ts';
import { ownersOf } from '../../../gpu/plan/layer-types.ts';
import { arbitraryLayers, layersOf } from '../../support/arbitrary-plans.ts';
import { fc } from '../../support/seeded-properties.ts';

const sources = (stored: string, wanted: string) =>
  Object.fromEntries(kvSources(layersOf(stored), layersOf(wanted)));

const plain = (layerCount: number) => layersOf(Array.from({ length: layerCount }, (_, i) => i).join('_'));

it('Each owner of LCKV’s plan takes the mean of the projections of all layers that name it', () => {
  expect(sources('0_1_2_3_4_5_6_7', '0_6_6_6_6_6_6_7')).toEqual({ 0: [0], 6: [1, 2, 3, 4, 5, 6], 7: [7] });
});

it('The present projection of a layer is that of the owner that it names', () => {
  expect(sources('0_2_2_3', '0_1_1_3')).toEqual({ 0: [0], 1: [2, 2], 3: [3] });
  expect(sources('0_2_2_3', '3_3_3_3')).toEqual({ 3: [0, 2, 2, 3] });
});

it('A plan that separates layers with a shared projection copies it to each of them', () => {
  expect(sources('0_2_2_3', '0_1_2_3')).toEqual({ 0: [0], 1: [2], 2: [2], 3: [3] });
});

it('Several readers of one stored projection get a copy, those of two different ones a mean', () => {
  expect(isCopy([2, 2, 2])).toBe(true);
  expect(isCopy([2])).toBe(true);
  expect(isCopy([2, 3])).toBe(false);
});

it('The stored plan restores every stored projection exactly', () => {
  fc.assert(
    fc.property(arbitraryLayers(12), (layers) => {
      for (const [owner, from] of kvSources(layers, layers)) {
        expect(isCopy(from)).toBe(true);
        expect(from[0]).toBe(owner);
      }
    }),
  );
});

it('A plan that changes only windows changes no projection', () => {
  fc.assert(
    fc.property(arbitraryLayers(12), (layers) => {
      const turned = layers.map((layer) => ({ ...layer, windowed: !layer.windowed }));
      expect(kvSources(layers, turned)).toEqual(kvSources(layers, layers));
    }),
  );
});

it('A plan whose readers of each owner already shared KV can be converted there and back exactly', () => {
  fc.assert(
    fc.property(arbitraryLayers(12), (layers) => {
      // To the plain plan, every layer gets its present projection. Back, each owner averages its own copies.
      const there = kvSources(layers, plain(layers.length));
      for (const [owner, from] of kvSources(plain(layers.length), layers)) {
        const brought = from.map((layer) => there.get(layer)?.[0]);
        expect(new Set(brought)).toEqual(new Set([owner]));
      }
    }),
  );
});

it('Every owner of the new plan has one source per reader, and all sources are stored owners', () => {
  const pair = fc
    .tuple(arbitraryLayers(12), arbitraryLayers(12))
    .filter(([stored, wanted]) => stored.length === wanted.length);
  fc.assert(
    fc.property(pair, ([stored, wanted]) => {
      const found = kvSources(stored, wanted);
      expect([...found.keys()]).toEqual(ownersOf(wanted));
      expect([...found.values()].flat()).toHaveLength(wanted.length);
      for (const from of found.values()) {
        expect(from.every((owner) => ownersOf(stored).includes(owner))).toBe(true);
      }
    }),
  );
});

it('A plan for more layers than the checkpoint has throws', () => {
  expect(() => sources('0_1', '0_1_2')).toThrow('the stored plan has no layer 2');
});

it('The mean of tensors is taken element by element', () => {
  const tensors = [
    [1, 2, -3],
    [3, 6, 0],
    [5, 1, 9],
  ].map((values) => Float32Array.from(values));
  expect(meanOf(tensors)).toEqual(Float32Array.from([3, 3, 2]));
  expect(meanOf(tensors.slice(0, 1))).toEqual(Float32Array.from([1, 2, -3]));
  expect(meanOf([])).toEqual(new Float32Array(0));
});

it('The sources of an owner are in ascending numeric order, and so are the terms of its mean', () => {
  const stored = '10_2_10_2_4_5_6_7_8_9_10';
  expect(sources(stored, '3_3_3_3_4_5_6_7_8_9_10')).toMatchObject({ 3: [2, 2, 10, 10] });
});
