import { describe, expect, it } from 'vitest';
import { planFigures } from '../../../web/panels/layers/plan-figures.ts';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { plainKvBytesPerToken } from '../../../gpu/kv/usage.ts';
import { policyOfSettings } from '../../../worker/settings/policy-request.ts';
import type { ModelFacts } from '../../../worker/protocol/load.ts';
import { kernelFilesOf } from '../../../web/playground/kernel-files.ts';
import { kvFractionOf } from '../../../web/playground/kv-preview.ts';
import { defaultConfig, type PlaygroundConfig } from '../../../web/settings/settings.ts';
import type { ModelEntry } from '../../../web/models/model-index.ts';
import { tinyDims } from '../../support/random-model.ts';

const kernels = [{ file: 'less.safetensors', rank: 8 }] as unknown as ModelFacts['kernels'];
const facts = { dims: { ...tinyDims, layerCount: 4, contextTokens: 512 }, kernels } as ModelFacts;
const loaded = { factsOf: (id: string) => (id === 'tiny' ? facts : null), models: [] };
const listed = {
  factsOf: () => null,
  models: [{ id: 'tiny', measured: { contextTokens: 512 }, kernels } as unknown as ModelEntry],
};

const config = (changes: Partial<PlaygroundConfig>): PlaygroundConfig => ({
  ...defaultConfig,
  model: 'tiny',
  layerTypes: '0_3_3_3',
  ...changes,
});

/** What the list of figures says of a full context, divided by plain LLaMA's. */
function fractionOfFigures(settings: PlaygroundConfig): number {
  const { dims } = facts;
  const plan = parseLayerTypes(settings.layerTypes, 4);
  const completed = policyOfSettings(settings, {
    contextTokens: dims.contextTokens,
    maxNewTokens: settings.maxNewTokens ?? 0,
  });
  if (!plan.ok || !completed.ok) throw new Error('the settings are wrong');
  const sharing = { layers: plan.value, windowTokens: settings.slidingWindow ?? 1, forceNodiag: false };
  const figures = planFigures(sharing, dims, {
    precision: settings.kvPrecision,
    passes: { forward: 1, backward: 1 },
    budgetBytes: 2 ** 20,
    policy: completed.policy,
    kernelRank: kernelFilesOf(settings, loaded).chosen?.rank ?? 0,
  });
  return figures.bytesAtContext / (plainKvBytesPerToken(dims, settings.kvPrecision) * dims.contextTokens);
}

describe('The one KV number', () => {
  it.each([
    ['none', {}],
    ['a window', { layerTypes: '0s_1s_3_3', slidingWindow: 64 }],
    ['lambda', { policy: 'lambda' }],
    ['h2o in 16 bits', { policy: 'h2o', kvPrecision: 'f16' as const }],
    ['h2o in 32 bits', { policy: 'h2o', kvPrecision: 'f32' as const }],
    ['LESS', { policy: 'less', policyKernels: 'less.safetensors' }],
  ] satisfies readonly (readonly [string, Partial<PlaygroundConfig>])[])(
    'is what the list of figures says in bytes: %s',
    (_, changes) => {
      const settings = config(changes);
      expect(kvFractionOf(settings, loaded)?.value).toBeCloseTo(fractionOfFigures(settings), 12);
    },
  );

  it('counts rows alone until the model is known, then scores and the states of LESS', () => {
    const of = (changes: Partial<PlaygroundConfig>, page: Parameters<typeof kvFractionOf>[1] = loaded) =>
      kvFractionOf(config(changes), page)?.value ?? NaN;
    const rows = of({ policy: 'lambda' }, listed);
    const lambda = of({ policy: 'lambda' });
    const less = of({ policy: 'less', policySparse: 'lambda', policyKernels: 'less.safetensors' });
    expect(rows).toBeGreaterThan(0);
    expect(lambda).toBeGreaterThan(rows);
    expect(less).toBeGreaterThan(lambda);
  });
});
