import { describe, expect, it } from 'vitest';
import { kernelOptions, misfitsOf } from '../../../web/panels/cache/kernel-fit.ts';
import { policyOfSettings } from '../../../worker/settings/policy-request.ts';
import { initialValues } from '../../../worker/settings/values.ts';

const plan = '0_1_1';
const file = 'less-h2o-12.safetensors';
const trained = { file, rank: 8, layerTypes: plan, policy: { id: 'h2o', sinks: 0, heavy: 6, recent: 6 } };

/** The policy of the settings that the kernels were trained for, but for some. */
function policyOf(changes: object) {
  const values = { ...initialValues(), policy: 'less', policySparse: 'h2o', policyHeavy: 6, policyRecent: 6 };
  const completed = policyOfSettings({ ...values, ...changes }, { contextTokens: 512, maxNewTokens: 9 });
  if (!completed.ok) throw new Error(completed.reason);
  return completed.policy;
}
const misfits = (changes: object, kernels = trained) =>
  misfitsOf(kernels, policyOf(changes), { plan, contextTokens: 512 });

describe('kernels of LESS and the settings', () => {
  it('fit if plan, policy and budget are those of the training', () => {
    expect(misfits({})).toEqual([]);
  });

  it('do not fit another plan, another policy or another budget, and say which', () => {
    expect(misfits({}, { ...trained, layerTypes: '0_0_0' })).toEqual(['another plan (0_0_0)']);
    expect(misfits({ policySparse: 'keyformer' })).toEqual(['another policy (H2O (heavy hitters))']);
    expect(misfits({ policyHeavy: 1200 })).toEqual(['another budget (12 rows; these settings keep 1,206)']);
    // 20 % of the context.
    expect(misfits({ policyHeavy: null, policyRecent: null, policyCachePercent: 20 })).toEqual([
      'another budget (12 rows; these settings keep 102)',
    ]);
  });

  it('fit everything if the file does not say what it was trained for', () => {
    expect(
      misfitsOf({ ...trained, layerTypes: null, policy: null }, policyOf({}), { plan, contextTokens: 9 }),
    ).toEqual([]);
  });

  it('are offered with what they were trained for; a chosen file that is not there says so', () => {
    expect(kernelOptions([trained, { ...trained, file: 'kernels.safetensors', policy: null }], file)).toEqual(
      [
        { value: file, label: 'H2O (heavy hitters), 12 rows: less-h2o-12.safetensors' },
        { value: 'kernels.safetensors', label: 'It does not say for what: kernels.safetensors' },
      ],
    );
    expect(kernelOptions([], file)).toEqual([
      { value: file, label: 'less-h2o-12.safetensors: not among this model’s files' },
    ]);
  });
});
