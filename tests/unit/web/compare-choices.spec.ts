import { describe, expect, it } from 'vitest';
import index from '../../../public/models/index.json' with { type: 'json' };
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import {
  contenderName,
  isSameContender,
  planChoices,
  policyChoices,
  suggestedPair,
} from '../../../web/panels/compare/choices.ts';
import { parseModelIndex } from '../../../web/models/model-index.ts';
import { defaultConfig, type PlaygroundConfig } from '../../../web/settings/settings.ts';

const models = parseModelIndex(index);
const lckv = models.find(({ id }) => id === 'fairy-lckv');

function setTo(changes: Partial<PlaygroundConfig>) {
  const config = { ...defaultConfig, ...lckv?.stored, ...changes };
  const plan = parseLayerTypes(config.layerTypes, 8);
  return { config, plan, models, stored: lckv?.stored ?? null, layerCount: 8 };
}

describe('the choices of Compare', () => {
  it('are the trained family with its own models and windows, and other plans on the chosen model', () => {
    const choices = planChoices(setTo({}));
    expect(choices.filter(({ trained }) => trained)).toHaveLength(models.length);
    const yoco = choices.find(({ name }) => name === 'YOCO');
    const stored = models.find(({ id }) => id === 'fairy-yoco')?.stored;
    expect(yoco?.config).toMatchObject({ model: 'fairy-yoco', ...stored });
    const pizza = choices.find(({ name }) => name === 'Pizza, middle');
    expect(pizza).toMatchObject({ trained: false, config: { model: 'fairy-lckv' } });
  });

  it('keep the policy and the precision that are set', () => {
    for (const { config } of planChoices(setTo({ policy: 'h2o', policyHeavy: 4, kvPrecision: 'f32' }))) {
      expect(config).toMatchObject({ policy: 'h2o', policyHeavy: 4, kvPrecision: 'f32' });
    }
  });

  it('contain what is set now under its own name', () => {
    const setting = setTo({ layerTypes: '0_0_0_3_4_5_5_7' });
    const now = planChoices(setting).filter(({ config }) => isSameContender(config, setting.config));
    expect(now.map(({ name }) => name)).toEqual(['As set now']);
  });

  it('suggest plain LLaMA and what is set, or the next plan if that is plain LLaMA', () => {
    const suggested = (changes: Partial<PlaygroundConfig>) =>
      suggestedPair(planChoices(setTo(changes))).map(({ name, config }) => [name, config.model]);
    const plain = ['Plain LLaMA', 'fairy-llama'];
    expect(suggested({})).toEqual([plain, ['LCKV', 'fairy-lckv']]);
    expect(suggested({ layerTypes: '0_0_0_3_4_5_5_7' })).toEqual([plain, ['As set now', 'fairy-lckv']]);
    expect(suggested({ model: 'fairy-llama', layerTypes: '0_1_2_3_4_5_6_7' })[1]).toEqual([
      'LCKV',
      'fairy-lckv',
    ]);
    expect(suggestedPair([])).toEqual([]);
  });

  it('are empty until the layers are known', () => {
    expect(planChoices({ ...setTo({}), layerCount: null })).toEqual([]);
  });

  it('offer every other policy, without those that cannot run with the numbers that are set', () => {
    const names = policyChoices(setTo({})).map(({ config }) => config.policy);
    expect(names).toContain('h2o');
    expect(names).not.toContain('none');
    const impossible = setTo({ policyHeavy: 0, policyRecent: 0 });
    expect(policyChoices(impossible).map(({ config }) => config.policy)).not.toContain('h2o');
    expect(policyChoices(setTo({ policy: 'h2o' })).map(({ config }) => config.policy)).toContain('none');
  });
});

describe('the name of a contender', () => {
  it.each([
    [{ model: 'fairy-llama', layerTypes: '0_1_2_3_4_5_6_7' }, 'Plain LLaMA'],
    [{ model: 'fairy-lckv-4', layerTypes: '0_1_5_5_5_5_6_7' }, 'LCKV, warm-up layers 4'],
    // Another model was trained for this one, and may stand beside it.
    [{ layerTypes: '0_1_2_3_4_5_6_7' }, 'Plain LLaMA, fairy-lckv'],
    [{ layerTypes: '0_0_0_3_4_5_5_7' }, 'Own plan'],
    [{ model: 'owner/name', layerTypes: '0_1_2_3_4_5_6_7' }, 'Plain LLaMA'],
    [{ layerTypes: '0_6_6_6_6_6_6_7', policy: 'tova' }, 'LCKV, TOVA'],
  ])('of %j is %s', (changes, name) => {
    const config = { ...defaultConfig, ...changes };
    expect(contenderName({ config, runner: 'kvtab' }, models)).toBe(name);
    expect(contenderName({ config, runner: 'transformers.js' }, models)).toBe(`${name}, transformers.js`);
  });
});

it('Two configurations are the same contender if nothing that is compared differs', () => {
  const { config } = setTo({});
  expect(isSameContender(config, { ...config, seed: 9, prompt: 'Other' })).toBe(true);
  expect(isSameContender(config, { ...config, kvPrecision: 'f32' })).toBe(false);
});
