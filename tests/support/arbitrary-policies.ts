import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import { sparseKinds } from '../../gpu/kv/policies/less.ts';
import type { Policy, PolicyPositions } from '../../gpu/kv/policies/policy.ts';
import { fc } from './seeded-properties.ts';

/** A policy with these fields, and nothing else. */
export const policyWith = (id: string, fields: Partial<Policy>): Policy => ({
  ...keepEverything,
  id,
  ...fields,
});

const rows = (min: number) => fc.integer({ min, max: 6 });
const positions = fc.constantFrom<PolicyPositions>('absolute', 'cache');
const heavyAndRecent = fc.oneof(
  fc.record({ heavy: rows(0), recent: rows(1) }),
  fc.record({
    cachePercent: fc.integer({ min: 5, max: 90 }),
    recentPercent: fc.integer({ min: 5, max: 90 }),
  }),
);

/** LESS over a policy. Its kernels are whatever the session gets. */
export const lessOver = (policy: Policy): Policy => ({
  ...policy,
  id: 'less',
  sparse: policy.id,
  kernels: 'kernels.safetensors',
  positions: 'absolute',
});

const evicting: fc.Arbitrary<Policy> = fc.oneof(
  fc.record({ sinks: rows(0), recent: rows(1), positions }).map((fields) => policyWith('sinks', fields)),
  fc.record({ sinks: rows(0), recent: rows(1) }).map((fields) => policyWith('lambda', fields)),
  fc
    .tuple(fc.constantFrom('h2o', 'key-norm'), heavyAndRecent, positions)
    .map(([id, fields, position]) => policyWith(id, { ...fields, positions: position })),
  fc
    .record({
      budget: heavyAndRecent,
      tauInit: fc.constantFrom(1, 0.5),
      tauDelta: fc.constantFrom(0, 0.04),
      seed: fc.nat(),
      positions,
    })
    .map(({ budget, ...fields }) => policyWith('keyformer', { ...budget, ...fields })),
  fc.record({ rows: rows(1), positions }).map((fields) => policyWith('tova', fields)),
);

/** Any policy that evicts, with a budget of a few rows or a percentage of the prompt. */
export const arbitraryPolicy: fc.Arbitrary<Policy> = fc.oneof(
  { weight: 3, arbitrary: evicting },
  {
    weight: 1,
    arbitrary: evicting.filter(({ id }) => sparseKinds.some((kind) => kind.id === id)).map(lessOver),
  },
);
