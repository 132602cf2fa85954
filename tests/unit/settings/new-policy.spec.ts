import { render } from 'svelte/server';
import { describe, expect, it, vi } from 'vitest';
import type { PolicyKind } from '../../../gpu/kv/policies/policy.ts';
import type * as policies from '../../../gpu/kv/policies/policies.ts';
import { parseRequest } from '../../../tools/headless/request.ts';
import { optionsOf, readArguments } from '../../../tools/bench/options.ts';
import { policyOf } from '../../../worker/engine/open-policy.ts';
import { policyRequestOf } from '../../../worker/settings/policy-request.ts';
import { describePolicy } from '../../support/describe-policy.ts';
import { checkConfig } from '../../../web/settings/checks.ts';
import FormFields from '../../../web/settings/FormFields.svelte';
import { decodeHash, encodeHash } from '../../../web/settings/hash.ts';
import { toGenerateRequest } from '../../../web/settings/requests.ts';
import { defaultConfig, type PlaygroundConfig } from '../../../web/settings/settings.ts';

/** A policy that no other code knows: what the recipe in CONTRIBUTING adds. */
const everyOther = vi.hoisted((): PolicyKind => ({
  id: 'every-other',
  label: 'Every other row',
  words: { keeps: 'Half of it.', loses: 'The other half.', published: null },
  fields: ['sinks', 'rows'],
  positions: ['absolute', 'cache'],
  defaults: () => ({ sinks: 1, rows: 12 }),
  budget: ({ sinks, rows }) => ({ sinks, recent: 1, heavy: (rows ?? 0) - 1 }),
  scoring: null,
}));

vi.mock('../../../gpu/kv/policies/policies.ts', async (original) => {
  const registry = await original<typeof policies>();
  const policyKinds = [...registry.policyKinds, everyOther];
  return { ...registry, policyKinds, policyKind: (id: string) => policyKinds.find((kind) => kind.id === id) };
});

const config: PlaygroundConfig = {
  ...defaultConfig,
  layerTypes: '0_1',
  policy: 'every-other',
  policyRows: 9,
  policyPositions: 'cache',
  policyHeavy: -5, // of another policy, and not shown
};
const context = { contextTokens: 100, maxNewTokens: 10 };

describe('a policy that is added to the registry', () => {
  it('is written into links and read from them', () => {
    const link = encodeHash({ ...config, policyHeavy: null }, null);
    expect(link).toBe('v=1&layers=0_1&mode=fastest&policy=every-other&rows=9&positions=cache');
    expect(decodeHash(link)).toMatchObject({
      values: { layerTypes: '0_1', policy: 'every-other', policyRows: 9, policyPositions: 'cache' },
      omitted: [],
      complaints: [],
    });
  });

  it('appears in the form with its own fields and no others', () => {
    const { body } = render(FormFields, {
      props: { form: 'policy', values: config, problems: {}, set: () => undefined },
    });
    expect(body).toContain('>Every other row</option>');
    const labels = [...body.matchAll(/<label[^>]*>([^<]+)<\/label>/g)].map(([, label]) => label);
    expect(labels).toEqual(['Cache policy', 'Sinks', 'Rows', 'Chunk', 'Positions']);
  });

  it('is checked by its own fields alone', () => {
    expect(checkConfig(config, null)).toEqual({});
    expect(checkConfig({ ...config, policyRows: 0 }, null)).toEqual({
      policyRows: 'Enter a whole number from 1 to 10,000,000.',
    });
  });

  it('goes into requests of the page, of the headless runner and of the benchmark', async () => {
    const policy = { id: 'every-other', rows: 9, positions: 'cache' };
    expect(policyRequestOf(config)).toEqual(policy);
    expect(toGenerateRequest(config)).toMatchObject({ policy });
    expect(parseRequest({ model: 'm', prompt: 'a', policy })).toMatchObject({
      value: { generate: { policy } },
    });
    expect(Object.keys(optionsOf())).toEqual(expect.arrayContaining(['policy', 'rows', 'noiseSeed']));
    const asked = ['--policy', 'every-other', '--rows', '9', '--positions', 'cache'];
    expect(readArguments(asked).request.policy).toEqual(policy);
    expect(await policyOf(policy, context)).toMatchObject({ ...policy, sinks: 1, chunk: null });
  });

  it('is described with the numbers that it was left to', async () => {
    const words = 'Every other row, sinks 1, rows 9, cache positions';
    expect(describePolicy(await policyOf(policyRequestOf(config), context))).toBe(words);
  });
});
