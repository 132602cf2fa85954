import { defineConfig } from 'vitest/config';
import { part } from './parts.mjs';

export default defineConfig({
  test: {
    include: [...part.tests],
    // Random cases that catch a change on one night and miss it on the next would make the score move.
    provide: { samples: 'some', seed: 1 },
    testTimeout: 20_000,
  },
});
