import { describe, expect, it } from 'vitest';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { checkConfig, namesOfWrongFields } from '../../../web/settings/checks.ts';
import { toGenerateRequest } from '../../../web/settings/requests.ts';
import { defaultConfig, type PlaygroundConfig } from '../../../web/settings/settings.ts';

const check = (changes: Partial<PlaygroundConfig>) => {
  const config = { ...defaultConfig, layerTypes: '0_6_6_6_6_6_6_7', ...changes };
  return checkConfig(config, parseLayerTypes(config.layerTypes, 8));
};

describe('checkConfig', () => {
  it('finds nothing wrong with the defaults', () => {
    expect(check({})).toEqual({});
  });

  it('places a mistake in layer_types', () => {
    expect(check({ layerTypes: '0_6_6_6_9_6_6_7' })).toEqual({ layerTypes: 'Layer 4: there is no layer 9' });
  });

  it('refuses an empty number, one outside its range, and a fraction for a whole number', () => {
    expect(Object.keys(check({ temperature: null, topP: 1.1, topK: 1.5 })).sort()).toEqual([
      'temperature',
      'topK',
      'topP',
    ]);
  });

  it('says the range of a number', () => {
    expect(check({ topP: 2 }).topP).toBe('Enter a number from 0 to 1.');
    expect(check({ seed: -1 }).seed).toBe('Enter a whole number from 0 up.');
  });

  it('requires at least one pass', () => {
    expect(check({ forwardPasses: 0 })).toEqual({});
    expect(check({ forwardPasses: 0, backwardPasses: 0 }).backwardPasses).toMatch(/pass/);
  });

  it('names wrong fields in the order of the page', () => {
    expect(namesOfWrongFields(check({ seed: null, layerTypes: 'x' }))).toEqual(['Layer types', 'Seed']);
  });
});

describe('toGenerateRequest', () => {
  it('has the values of the fields', () => {
    const request = toGenerateRequest({ ...defaultConfig, layerTypes: ' 0_1 ', maxNewTokens: 5 });
    expect(request).toMatchObject({
      input: { text: defaultConfig.prompt },
      config: { layerTypes: '0_1', slidingWindow: 4096, forwardPasses: 7, backwardPasses: 2 },
      maxNewTokens: 5,
      sampling: { temperature: 0.8, topP: 0.95, repetitionPenalty: 1.1, seed: 1 },
    });
  });

  it('is null while a number is missing', () => {
    expect(toGenerateRequest({ ...defaultConfig, minP: null })).toBeNull();
  });
});
