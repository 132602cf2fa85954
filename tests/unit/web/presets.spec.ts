import { describe, expect, it } from 'vitest';
import { ownersOf, parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { presetLayerTypes, presetOf, presets, presetsFor } from '../../../web/layers/presets.ts';

const generate = (id: string, layerCount: number) => {
  const preset = presets.find((candidate) => candidate.id === id);
  if (!preset) throw new Error(`no preset ${id}`);
  return presetLayerTypes(preset, layerCount);
};

const repeat = (entry: string, times: number) => Array.from({ length: times }, () => entry);

describe('presets reproduce the published strings of 22 layers', () => {
  it.each([
    ['lckv-2', ['0', ...repeat('20', 20), '21'].join('_')],
    ['sandwich-middle', ['0', ...repeat('10', 20), '21'].join('_')],
    ['cla-2', '0_0_2_2_4_4_6_6_8_8_10_10_12_12_14_14_16_16_18_18_20_20'],
    ['yoco', ['0s_1s_2s_3s_4s_5s_6s_7s_8s_9s_10s', ...repeat('11', 11)].join('_')],
    ['mixattention-pairs', '0_1s_1s_3s_3s_3s_0_7s_7s_9s_9s_9s_12_13s_13s_15s_15s_15s_12_19s_19s_19s'],
  ])('%s', (id, published) => {
    expect(generate(id, 22)).toBe(published);
  });

  it('LCKV with 10 warm-up layers keeps 11 caches of 22', () => {
    const plan = parseLayerTypes(generate('lckv-10', 22), 22);
    expect(plan.ok && ownersOf(plan.value)).toEqual([0, 1, 2, 3, 4, 16, 17, 18, 19, 20, 21]);
  });
});

describe('presets of 8 layers are the ones that the notation is explained with', () => {
  it.each([
    ['llama', '0_1_2_3_4_5_6_7'],
    ['lckv-2', '0_6_6_6_6_6_6_7'],
    ['cla-2', '0_0_2_2_4_4_6_6'],
    ['yoco', '0s_1s_2s_3s_4_4_4_4'],
    ['mixattention-pairs', '0_1s_1s_3s_3s_3s_0_7s'],
    ['sandwich-middle', '0_3_3_3_3_3_3_7'],
  ])('%s', (id, expected) => {
    expect(generate(id, 8)).toBe(expected);
  });
});

describe('presets of any number of layers', () => {
  const layerCounts = Array.from({ length: 80 }, (_, index) => index + 1);

  it.each(presets.map((preset) => [preset.id, preset] as const))('%s is always a valid plan', (_, preset) => {
    for (const layerCount of layerCounts.filter((count) => count >= preset.minLayers)) {
      expect(parseLayerTypes(presetLayerTypes(preset, layerCount), layerCount).ok).toBe(true);
    }
  });

  it('a windowed group of MixAttention is never a single layer where it touches another', () => {
    for (const layerCount of layerCounts) {
      const entries = generate('mixattention-pairs', layerCount).split('_');
      const last = entries.at(-1) ?? '';
      const before = entries.at(-2) ?? '';
      if (last.endsWith('s') && before.endsWith('s')) expect(last).toBe(before);
    }
  });

  it('a plan is recognised as the preset that it came from', () => {
    for (const preset of presetsFor(22)) {
      expect(presetOf(presetLayerTypes(preset, 22), 22)?.id).toBe(preset.id);
    }
    expect(presetOf('0_3_1_3', 4)).toBeUndefined();
  });

  it('every preset has a sentence and a paper on an open address', () => {
    for (const { sentence, paper } of presets) {
      expect(sentence).toMatch(/\.$/);
      expect(paper.title).not.toBe('');
      expect(paper.url).toMatch(/^https:\/\//);
    }
  });
});
