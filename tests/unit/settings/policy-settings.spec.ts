import { describe, expect, it } from 'vitest';
import { policyKinds } from '../../../gpu/kv/policies/policies.ts';
import { policyOf } from '../../../worker/engine/open-policy.ts';
import { policyOfSettings, policyRequestOf } from '../../../worker/settings/policy-request.ts';
import { keysWhere } from '../../../worker/settings/values.ts';
import { applies } from '../../../worker/settings/words.ts';
import { checkConfig } from '../../../web/settings/checks.ts';
import { decodeHash } from '../../../web/settings/hash.ts';
import { toGenerateRequest } from '../../../web/settings/requests.ts';
import { readStoredRun } from '../../../web/playground/read-stored-run.ts';
import { describePolicy } from '../../support/describe-policy.ts';
import known from '../../fixtures/settings/links.json';
import stored from '../../fixtures/settings/stored-runs.json';
import { defaultConfig, type PlaygroundConfig } from '../../../web/settings/settings.ts';

const context = { contextTokens: 512, maxNewTokens: 50 };
const set = (changes: Partial<PlaygroundConfig>): PlaygroundConfig => ({ ...defaultConfig, ...changes });

describe('the settings of a policy', () => {
  it('ask for none at first', () => {
    expect(toGenerateRequest(defaultConfig)?.policy).toEqual({ id: 'none' });
  });

  it.each(policyKinds.map(({ id }) => id))(
    '%s has the same defaults on the page as in the engine',
    async (id) => {
      const config = set({ policy: id });
      expect(policyOfSettings(config, context)).toEqual({
        ok: true,
        policy: await policyOf(policyRequestOf(config), context),
      });
      expect(checkConfig(config, null)).toEqual({});
    },
  );

  it('show under LESS the numbers of the policy that decides, and no others', () => {
    const shown = (changes: Partial<PlaygroundConfig>) =>
      keysWhere((row) => row.part === 'policy' && applies(row, set(changes)));
    expect(shown({ policy: 'less', policySparse: 'lambda' })).toEqual([
      ...['policy', 'policySparse', 'policyKernels'],
      ...['policySinks', 'policyRecent', 'policyCachePercent', 'policyChunk'],
    ]);
    expect(shown({ policy: 'less', policySparse: 'h2o' })).toEqual([
      ...['policy', 'policySparse', 'policyKernels'],
      ...['policyHeavy', 'policyRecent', 'policyCachePercent', 'policyRecentPercent', 'policyChunk'],
    ]);
    expect(shown({ policy: 'lambda', policySparse: 'h2o' })).toEqual([
      ...['policy', 'policySinks', 'policyRecent', 'policyCachePercent', 'policyChunk'],
    ]);
  });

  it('leave out what belongs to another policy', () => {
    const config = set({ policy: 'lambda', policySinks: 2, policyHeavy: 7, policyPositions: 'cache' });
    expect(policyRequestOf(config)).toEqual({ id: 'lambda', sinks: 2 });
  });

  it('name the policy that decides for LESS, with its numbers, and a file that comes with the model', () => {
    const config = set({
      ...{ policy: 'less', policySparse: 'h2o', policyKernels: 'less-h2o-12.safetensors' },
      ...{ policyHeavy: 6, policyRecent: 6, policySinks: 3, policyPositions: 'cache', policyChunk: 9 },
    });
    const kernels = 'less-h2o-12.safetensors';
    expect(policyRequestOf(config)).toEqual({
      id: 'less',
      sparse: { id: 'h2o', heavy: 6, recent: 6, chunk: 9 },
      kernels,
    });
    expect(policyOfSettings(config, context)).toMatchObject({
      policy: { id: 'less', sparse: 'h2o', kernels, heavy: 6, recent: 6, chunk: 9, positions: 'absolute' },
    });
    expect(checkConfig({ ...config, policyRecent: 0 }, null)).toHaveProperty('policyRecent');
    expect(decodeHash('#v=1&policy=less&sparse=h2o&kernels=..%2Fsecret').complaints).toEqual([
      'kernels cannot be “../secret”',
    ]);
    const completed = policyOfSettings(config, context);
    expect(completed.ok && describePolicy(completed.policy)).toBe(
      'LESS (rows and a small state), H2O (heavy hitters), heavy hitters 6, recent 6, chunk 9, kernels less-h2o-12.safetensors',
    );
  });

  it.each<[string, Partial<PlaygroundConfig>, keyof PlaygroundConfig, RegExp]>([
    [
      'rows and a percentage',
      { policy: 'h2o', policyCachePercent: 30, policyRecent: 4 },
      'policyRecent',
      /leave out/,
    ],
    ['chunks of a percentage', { policy: 'h2o', policyChunk: 8 }, 'policyChunk', /cannot be read in chunks/],
    ['τ 0', { policy: 'keyformer', policyTauInit: 0 }, 'policyTauInit', /must be above 0/],
    ['no recent row', { policy: 'sinks', policyRecent: 0 }, 'policyRecent', /from 1 to/],
  ])('that cannot go together are refused at the field: %s', (_, changes, key, reason) => {
    const problems = checkConfig(set(changes), null);
    expect(problems).toEqual({ [key]: expect.stringMatching(reason) as unknown });
    expect(problems[key]).toMatch(/^[A-Z].*\.$/);
  });

  it('are those of no policy in links and stored runs from before there were policies', () => {
    for (const { hash } of known.links) expect(decodeHash(hash).values).not.toHaveProperty('policy');
    const runs = stored.map(({ run }) => readStoredRun(run)).filter((run) => run !== null);
    expect(runs.length).toBeGreaterThan(0);
    for (const run of runs) expect(run).toMatchObject({ policy: 'none', policySinks: null });
  });

  it.each([
    ['policy=lru', 'policy cannot be “lru”'],
    ['policy=h2o&recent=0', 'recent cannot be “0”'],
    ['policy=h2o&recent=', 'recent cannot be “”'],
    ['policy=keyformer&noiseSeed=4294967296', 'noiseSeed cannot be “4294967296”'],
    ['policy=sinks&positions=rank', 'positions cannot be “rank”'],
  ])('in the link %s that cannot be are named', (hash, complaint) => {
    expect(decodeHash(`#v=1&${hash}`).complaints).toEqual([complaint]);
  });

  it('are described without percents if rows are given', () => {
    const described = (changes: Partial<PlaygroundConfig>) => {
      const completed = policyOfSettings(set(changes), context);
      return completed.ok ? describePolicy(completed.policy) : completed.reason;
    };
    expect(described({ policy: 'h2o', policyHeavy: 8, policyRecent: 9 })).toBe(
      'H2O (heavy hitters), heavy hitters 8, recent 9, absolute positions',
    );
    expect(described({ policy: 'h2o' })).toBe(
      'H2O (heavy hitters), budget (% of prompt) 20, recent (% of budget) 50, absolute positions',
    );
    expect(described({ policy: 'lambda' })).toBe('Λ mask (LESS’s baseline), sinks 4, recent 25');
  });
});
