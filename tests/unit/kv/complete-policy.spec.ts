import { describe, expect, it } from 'vitest';
import { completeLess, completePolicy, numbersOf } from '../../../gpu/kv/policies/complete-policy.ts';
import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { policyKind, policyKinds } from '../../../gpu/kv/policies/policies.ts';
import type { PolicyNumber } from '../../../gpu/kv/policies/fields.ts';
import type { PolicyPositions } from '../../../gpu/kv/policies/policy.ts';

const context = { contextTokens: 1000, maxNewTokens: 50 };
const complete = (
  id: string,
  numbers: Partial<Record<PolicyNumber, number>>,
  positions: PolicyPositions | null = null,
) => completePolicy(policyKind(id), { numbers, positions }, context);
const over = (sparse: string, numbers: Partial<Record<PolicyNumber, number>>) =>
  completeLess(policyKind(sparse), 'less.safetensors', { numbers, positions: null }, context);

describe('A policy', () => {
  it('offers its own numbers and the chunk, and keeping everything none', () => {
    for (const kind of policyKinds) {
      expect(numbersOf(kind)).toEqual(kind.id === keepEverything.id ? [] : [...kind.fields, 'chunk']);
    }
    expect(numbersOf(policyKind('tova'))).toEqual(['rows', 'cachePercent', 'chunk']);
  });

  it('has the positions of its kind unless others are asked for that it can have', () => {
    expect(complete('sinks', {})).toMatchObject({ policy: { positions: 'cache' } });
    expect(complete('sinks', {}, 'absolute')).toMatchObject({ policy: { positions: 'absolute' } });
    expect(complete('none', {}, 'cache')).toEqual({
      ...{ ok: false, field: 'positions' },
      reason: '"cache" is none of absolute',
    });
  });

  it.each<[string, Partial<Record<PolicyNumber, number>>, PolicyNumber]>([
    ['h2o', { cachePercent: 20, heavy: 3 }, 'heavy'],
    ['h2o', { cachePercent: 20, recent: 3 }, 'recent'],
    ['h2o', { recentPercent: 20, heavy: 3 }, 'heavy'],
    ['h2o', { recentPercent: 20, recent: 3 }, 'recent'],
    ['tova', { cachePercent: 20, rows: 3 }, 'rows'],
  ])('%s says with %o twice how many rows there are', (id, numbers, field) => {
    expect(complete(id, numbers)).toMatchObject({ ok: false, field });
  });

  it('takes a percentage in place of the default rows, and the defaults of its source otherwise', () => {
    expect(complete('key-norm', {})).toMatchObject({ policy: { cachePercent: 20, recentPercent: 50 } });
    expect(complete('tova', {})).toMatchObject({ policy: { cachePercent: 20, rows: null } });
    expect(complete('lambda', { cachePercent: 7 })).toMatchObject({
      policy: { cachePercent: 7, recent: null, heavy: null },
    });
  });

  it('that decides for LESS counts rows, unless one of the percentages is given', () => {
    expect(over('h2o', {})).toMatchObject({ policy: { heavy: 25, recent: 25, cachePercent: null } });
    expect(over('h2o', { cachePercent: 30 })).toMatchObject({
      policy: { cachePercent: 30, recentPercent: 50, heavy: null, recent: null },
    });
    expect(over('h2o', { recentPercent: 30 })).toMatchObject({
      policy: { cachePercent: 20, recentPercent: 30, heavy: null, recent: null },
    });
  });

  it('that nobody knows is named', () => {
    expect(() => policyKind('fifo')).toThrow(new RangeError('there is no cache policy fifo'));
  });
});
