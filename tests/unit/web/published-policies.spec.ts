import { expect, it } from 'vitest';
import { policyOfSettings } from '../../../worker/settings/policy-request.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';
import { publishedIn, publishedPolicies, settingsOf } from '../../../web/panels/cache/published.ts';

const context = { contextTokens: 512, maxNewTokens: 50 };
const published = publishedPolicies(context.contextTokens);

it.each(published)('The published set-up $id is a policy, and is known again once it is set', (one) => {
  const values = { ...defaultConfig, ...settingsOf(one, { ...defaultConfig, policyTauDelta: 3 }) };
  expect(policyOfSettings(values, context).ok).toBe(true);
  expect(publishedIn(published, values)).toBe(one);
  expect(publishedIn(published, { ...values, policyChunk: 7 })).toBeNull();
});

it('Published set-ups have the numbers of their papers', () => {
  const policies = published.map((one) => {
    const completed = policyOfSettings({ ...defaultConfig, ...settingsOf(one, defaultConfig) }, context);
    if (!completed.ok) throw new Error(completed.reason);
    const { id, sparse, sinks, heavy, recent, rows, cachePercent, recentPercent, tauDelta, positions } =
      completed.policy;
    return { id, sparse, sinks, heavy, recent, rows, cachePercent, recentPercent, tauDelta, positions };
  });
  expect(policies).toMatchObject([
    { id: 'sinks', sinks: 4, recent: 508, positions: 'cache' },
    { id: 'sinks', sinks: 2, recent: 254, positions: 'cache' },
    { id: 'h2o', cachePercent: 20, recentPercent: 50, positions: 'absolute' },
    { id: 'keyformer', cachePercent: 60, recentPercent: 30, tauDelta: 1 / 50 },
    { id: 'tova', rows: 64 },
    { id: 'less', sparse: 'lambda', sinks: 4, recent: 25, positions: 'absolute' },
    { id: 'less', sparse: 'h2o', heavy: 12, recent: 12 },
  ]);
});

it('Without a policy no published set-up is shown', () => {
  expect(publishedIn(published, defaultConfig)).toBeNull();
});
