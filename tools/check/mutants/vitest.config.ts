import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/unit/{plan,kv,hub}/**/*.spec.ts', 'tests/unit/settings/ranges.spec.ts'],
    setupFiles: ['tools/check/mutants/fixed-seed.ts'],
    testTimeout: 20_000,
  },
});
