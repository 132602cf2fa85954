import { defineConfig } from 'vitest/config';
import { part } from './parts.mjs';

export default defineConfig({
  test: {
    include: [...part.tests],
    setupFiles: ['tools/check/mutants/fixed-seed.ts'],
    testTimeout: 20_000,
  },
});
