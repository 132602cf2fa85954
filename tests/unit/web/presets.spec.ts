import { describe, expect, it } from 'vitest';
import { ownersOf, parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import {
  presetLayerTypes,
  presetOf,
  presets,
  presetsFor,
  usualParameter,
} from '../../../web/presets/presets.ts';

const byId = (id: string) => {
  const preset = presets.find((candidate) => candidate.id === id);
  if (!preset) throw new Error(`no preset ${id}`);
  return preset;
};
const generate = (id: string, layerCount: number, parameter?: number) =>
  presetLayerTypes(byId(id), layerCount, parameter);

const repeat = (entry: string, times: number) => Array.from({ length: times }, () => entry);
const plain = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => String(first + index));

describe('presets reproduce the published strings of 22 layers', () => {
  it.each([
    ['llama', undefined, plain(0, 21).join('_')],
    ['lckv', 2, ['0', ...repeat('20', 20), '21'].join('_')],
    ['lckv', 10, [...plain(0, 4), ...repeat('16', 12), ...plain(17, 21)].join('_')],
    ['sandwich-middle', 3, ['0', ...repeat('10', 20), '21'].join('_')],
    ['cla', 2, '0_0_2_2_4_4_6_6_8_8_10_10_12_12_14_14_16_16_18_18_20_20'],
    ['yoco', undefined, ['0s_1s_2s_3s_4s_5s_6s_7s_8s_9s_10s', ...repeat('11', 11)].join('_')],
    [
      'mixattention-pairs',
      undefined,
      '0_1s_1s_3s_3s_3s_0_7s_7s_9s_9s_9s_12_13s_13s_15s_15s_15s_12_19s_19s_19s',
    ],
  ])('%s %s', (id, parameter, published) => {
    expect(generate(id, 22, parameter)).toBe(published);
  });
});

describe('presets of 8 layers are those of the explanation of the notation', () => {
  it.each([
    ['llama', '0_1_2_3_4_5_6_7'],
    ['lckv', '0_6_6_6_6_6_6_7'],
    ['cla', '0_0_2_2_4_4_6_6'],
    ['yoco', '0s_1s_2s_3s_4_4_4_4'],
    ['mixattention-pairs', '0_1s_1s_3s_3s_3s_0_7s'],
    ['mixattention-single', '0_1s_1s_1s_1s_1s_0_7s'],
    ['sandwich-middle', '0_3_3_3_3_3_3_7'],
  ])('%s', (id, expected) => {
    expect(generate(id, 8)).toBe(expected);
  });
});

describe('the nine layouts of the systematic study, with 3 caches in 9 layers', () => {
  it.each([
    ['pizza-bottom', '0_1_2_2_2_2_2_2_2'],
    ['pizza-middle', '0_1_5_5_5_5_5_5_5'],
    ['pizza-top', '0_1_8_8_8_8_8_8_8'],
    ['sandwich-bottom', '0_1_1_1_1_1_1_1_8'],
    ['sandwich-middle', '0_4_4_4_4_4_4_4_8'],
    ['sandwich-top', '0_7_7_7_7_7_7_7_8'],
    ['lasagna-bottom', '0_0_0_3_3_3_6_6_6'],
    ['lasagna-middle', '1_1_1_4_4_4_7_7_7'],
    ['lasagna-top', '2_2_2_5_5_5_8_8_8'],
  ])('%s', (id, expected) => {
    expect(generate(id, 9, 3)).toBe(expected);
  });

  it('keep exactly the requested number of caches', () => {
    for (const preset of presets.filter(({ parameter }) => parameter?.name === 'KV layers')) {
      for (let caches = 1; caches < 22; caches++) {
        const plan = parseLayerTypes(presetLayerTypes(preset, 22, caches), 22);
        expect(plan.ok && ownersOf(plan.value).length, `${preset.id} ${caches}`).toBe(caches);
      }
    }
  });

  it('contain LCKV and CLA', () => {
    expect(generate('sandwich-top', 22, 11)).toBe(generate('lckv', 22, 10));
    expect(generate('lasagna-bottom', 22, 11)).toBe(generate('cla', 22, 2));
    expect(generate('lasagna-bottom', 24, 6)).toBe(generate('cla', 24, 4));
  });
});

describe('presets of any number of layers', () => {
  const layerCounts = Array.from({ length: 48 }, (_, index) => index + 1);

  it.each(presets.map((preset) => [preset.id, preset] as const))('%s is always a valid plan', (_, preset) => {
    for (const layerCount of layerCounts.filter((count) => count >= preset.minLayers)) {
      const { parameter } = preset;
      const last = parameter?.max(layerCount) ?? 0;
      for (let value = parameter?.min ?? 0; value <= last; value++) {
        expect(parseLayerTypes(presetLayerTypes(preset, layerCount, value), layerCount).ok).toBe(true);
      }
    }
  });

  it('a windowed group of MixAttention is never a single layer next to another group', () => {
    for (const layerCount of layerCounts) {
      const entries = generate('mixattention-pairs', layerCount).split('_');
      const last = entries.at(-1) ?? '';
      const before = entries.at(-2) ?? '';
      if (last.endsWith('s') && before.endsWith('s')) expect(last).toBe(before);
    }
  });

  it('a plan is recognized as the preferred preset that generates it', () => {
    for (const preset of presetsFor(22)) {
      const parameter = usualParameter(preset, 22);
      const found = presetOf(presetLayerTypes(preset, 22, parameter), 22, preset.id);
      expect(found?.preset.id).toBe(preset.id);
      expect(found?.parameter).toBe(parameter);
    }
    expect(presetOf(generate('lckv', 22, 6), 22)).toMatchObject({ preset: { id: 'lckv' }, parameter: 6 });
    expect(presetOf('0_3_1_3', 4)).toBeNull();
  });

  it('every preset has a sentence and a paper that is free to read', () => {
    for (const { sentence, paper } of presets) {
      expect(sentence).toMatch(/\.$/);
      expect(paper.title).not.toBe('');
      expect(paper.url).toMatch(/^https:\/\//);
    }
  });
});
