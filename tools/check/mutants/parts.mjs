// What mutation testing changes, and the tests that must notice. Each part has tests of its own: with fewer test files a
// change is tried several times as fast.

/**
 * @typedef {{ mutate: readonly string[], tests: readonly string[], leastPercent: number }} Part
 *   leastPercent: the run fails if fewer changes are noticed
 */

/** @type {Readonly<Record<string, Part>>} */
export const parts = {
  plan: {
    mutate: ['gpu/plan/**/*.ts'],
    tests: ['tests/unit/plan/**/*.spec.ts', 'tests/unit/settings/ranges.spec.ts'],
    leastPercent: 97,
  },
  kv: {
    mutate: ['gpu/kv/*.ts'],
    tests: ['tests/unit/kv/**/*.spec.ts', 'tests/unit/worker/attention.spec.ts'],
    leastPercent: 95,
  },
  // What policies decide is held by golden runs of a whole model. Their fields are words and ranges, which the tests of
  // the page read.
  policies: {
    mutate: ['gpu/kv/policies/*.ts', '!gpu/kv/policies/fields.ts'],
    tests: [
      'tests/unit/kv/*polic*.spec.ts',
      'tests/unit/kv/{evicting-cache,kernel-file,stores}.spec.ts',
      'tests/unit/worker/{load-kernels,read-policy}.spec.ts',
      'tests/model/golden-policies.spec.ts',
    ],
    leastPercent: 85,
  },
  // What can be tested without a server. The tests that start one take seconds for each change, and some of them fail
  // on a busy machine, which would count as noticed.
  hub: {
    mutate: [
      'worker/hub/{address,ask,attempt,digest,fetch-bytes,gate,hub-requests,listing,model-lock}.ts',
      'worker/hub/{patience,record-writer,records,request-failure,stored-bytes}.ts',
    ],
    tests: [
      'tests/unit/hub/{address,ask,digest,fetch-bytes,gate,hub-requests,listing,model-lock}.spec.ts',
      'tests/unit/hub/{patience,records,stored-bytes,stored-models}.spec.ts',
    ],
    leastPercent: 93,
  },
};

const name = process.env['KVTAB_MUTANTS'] ?? 'plan';
const chosen = parts[name];
if (!chosen) throw new RangeError(`there is no part "${name}": ${Object.keys(parts).join(', ')}`);

/** The part that `KVTAB_MUTANTS` names. */
export const part = { name, ...chosen };

/**
 * The runs of Stryker, one for each part.
 *
 * @param {readonly string[]} names
 */
export const mutantRuns = (names = Object.keys(parts)) =>
  names.map((part) => ({
    command: ['stryker', 'run', 'tools/check/mutants/stryker.config.mjs'],
    limitMs: 60 * 60_000,
    env: { KVTAB_MUTANTS: part },
  }));
