import { describe, expect, it } from 'vitest';
import { policyKinds } from '../../../gpu/kv/policies/policies.ts';
import { HostileFields } from '../../../worker/hostile-fields.ts';
import { readPolicy } from '../../../worker/engine/read-policy.ts';
import { attempt } from '../../../worker/outcome.ts';
import type { PolicyRequest } from '../../../worker/protocol/generate.ts';

const context = { contextTokens: 1000, maxNewTokens: 50 };
const read = (request: PolicyRequest) =>
  attempt(() => readPolicy(new HostileFields(request, 'bad-request', 'policy'), context));

describe('A policy that is asked for', () => {
  it('has the defaults of its source for fields that are left out', () => {
    const filled = (id: string) => read({ id });
    expect(filled('sinks')).toMatchObject({ value: { sinks: 4, recent: 2000, positions: 'cache' } });
    expect(filled('lambda')).toMatchObject({ value: { sinks: 4, recent: 49, positions: 'absolute' } });
    expect(filled('h2o')).toMatchObject({
      value: { cachePercent: 20, recentPercent: 50, recent: null, positions: 'absolute' },
    });
    expect(filled('keyformer')).toMatchObject({
      value: { cachePercent: 60, recentPercent: 30, tauInit: 1, tauDelta: 0.02, seed: 0 },
    });
    for (const { id } of policyKinds) expect(filled(id).ok).toBe(id !== 'less');
  });

  it('takes LESS with the policy that decides for it, by a part of the context unless it says otherwise', () => {
    const kernels = 'less.safetensors';
    const filled = (sparse: PolicyRequest) => read({ id: 'less', sparse, kernels });
    expect(filled({ id: 'h2o' })).toMatchObject({
      value: { id: 'less', sparse: 'h2o', kernels, heavy: 25, recent: 25, cachePercent: null },
    });
    expect(filled({ id: 'h2o', cachePercent: 30 })).toMatchObject({
      value: { sparse: 'h2o', cachePercent: 30, recentPercent: 50, heavy: null, recent: null },
    });
    expect(filled({ id: 'lambda' })).toMatchObject({ value: { sparse: 'lambda', sinks: 4, recent: 49 } });
    expect(filled({ id: 'sinks', positions: 'absolute' })).toMatchObject({
      value: { sparse: 'sinks', positions: 'absolute' },
    });
    expect(filled({ id: 'keyformer', heavy: 2, recent: 2, chunk: 8 })).toMatchObject({
      value: { sparse: 'keyformer', tauInit: 1, tauDelta: 0.02, chunk: 8, positions: 'absolute' },
    });
    expect(read({ id: 'less', sparse: { id: 'h2o' }, kernels, chunk: 7 })).toMatchObject({
      value: { chunk: 7 },
    });
  });

  it('takes percents instead of rows, and both positions', () => {
    expect(read({ id: 'sinks', cachePercent: 10, positions: 'absolute' })).toMatchObject({
      value: { sinks: 4, recent: null, cachePercent: 10, positions: 'absolute' },
    });
    expect(read({ id: 'h2o', heavy: 0, recent: 1, chunk: 4 })).toMatchObject({
      value: { heavy: 0, recent: 1, chunk: 4 },
    });
  });

  it.each<[string, PolicyRequest, RegExp]>([
    ['policy.id', { id: 'lru' }, /none of none, sinks/],
    ['policy.recent', { id: 'sinks', recent: 0 }, /below 1/],
    ['policy.rows', { id: 'tova', rows: 0 }, /below 1/],
    ['policy.heavy', { id: 'h2o', heavy: -1 }, /below 0/],
    ['policy.heavy', { id: 'h2o', heavy: 1.5, recent: 2 }, /not a whole number/],
    ['policy.cachePercent', { id: 'h2o', cachePercent: 101 }, /above 100/],
    ['policy.recent', { id: 'h2o', cachePercent: 20, recent: 4 }, /leave out one/],
    ['policy.sinks', { id: 'h2o', sinks: 4 }, /no such field/],
    ['policy.positions', { id: 'lambda', positions: 'cache' }, /no such field/],
    ['policy.positions', { id: 'sinks', positions: 'rank' }, /none of cache, absolute/],
    ['policy.chunk', { id: 'h2o', cachePercent: 20, chunk: 8 }, /cannot be read in chunks/],
    ['policy.chunk', { id: 'h2o', chunk: 8 }, /cannot be read in chunks/],
    ['policy.chunk', { id: 'sinks', chunk: 0 }, /below 1/],
    ['policy.seed', { id: 'keyformer', seed: 2 ** 32 }, /above/],
    ['policy.tauInit', { id: 'keyformer', tauInit: 0 }, /above 0/],
    ['policy.heavy', { id: 'h2o', heavy: 'many' }, /not a number/],
    ['policy.sparse', { id: 'less', kernels: 'k' }, /missing/],
    ['policy.sparse', { id: 'less', kernels: 'k', sparse: 'h2o' }, /not an object/],
    ['policy.kernels', { id: 'less', sparse: { id: 'h2o' } }, /missing/],
    ['policy.sparse.id', { id: 'less', kernels: 'k', sparse: { id: 'tova' } }, /none of lambda, sinks/],
    ['policy.sparse.id', { id: 'less', kernels: 'k', sparse: { id: 'less' } }, /none of lambda, sinks/],
    ['policy.sparse.recent', { id: 'less', kernels: 'k', sparse: { id: 'h2o', recent: 0 } }, /below 1/],
    [
      'policy.sparse.positions',
      { id: 'less', kernels: 'k', sparse: { id: 'sinks', positions: 'cache' } },
      /none of absolute/,
    ],
    ['policy.recent', { id: 'less', kernels: 'k', sparse: { id: 'h2o' }, recent: 3 }, /no such field/],
    [
      'policy.chunk',
      { id: 'less', kernels: 'k', sparse: { id: 'h2o', chunk: 2 }, chunk: 2 },
      /already has one/,
    ],
    [
      'policy.chunk',
      { id: 'less', kernels: 'k', sparse: { id: 'h2o', cachePercent: 9 }, chunk: 2 },
      /chunks/,
    ],
  ])('is refused by the name of its field: %s in %o', (field, request, reason) => {
    expect(read(request)).toMatchObject({
      ok: false,
      failure: { code: 'bad-request', field, reason: expect.stringMatching(reason) as unknown },
    });
  });
});
