import { describe, expect, it } from 'vitest';
import { isTrainedPolicy, rowsOfTrained } from '../../../gpu/kv/policies/kernel-file.ts';

const trained = { id: 'h2o', sinks: 0, heavy: 4, recent: 8 };

describe('The policy that kernels were trained for', () => {
  it('is one that may decide for LESS, with its rows', () => {
    expect(isTrainedPolicy(trained)).toBe(true);
    expect(isTrainedPolicy({ id: 'lambda', sinks: 4, heavy: 0, recent: 8 })).toBe(true);
    expect(rowsOfTrained({ id: 'lambda', sinks: 1, heavy: 20, recent: 300 })).toBe(321);
  });

  it.each([
    null,
    undefined,
    'h2o',
    [],
    {},
    { ...trained, id: 'less' },
    { ...trained, id: 'none' },
    { ...trained, id: 7 },
    { ...trained, sinks: -1 },
    { ...trained, heavy: 1.5 },
    { ...trained, heavy: '4' },
    { ...trained, recent: 0 },
    { ...trained, recent: null },
    { ...trained, recent: 1e12 },
    { id: 'h2o', heavy: 4, recent: 8 },
  ])('is not %o', (value) => {
    expect(isTrainedPolicy(value)).toBe(false);
  });
});
