import { defineConfig } from 'vitest/config';
import { assemblyScript } from '../../setup/assembly-script.mjs';
import { part } from './parts.mjs';

export default defineConfig({
  plugins: [assemblyScript()],
  test: {
    include: [...part.tests],
    // Random cases that catch a change on one night and miss it on the next would make the score move.
    provide: { samples: 'some', seed: 1, twinAlone: true },
    testTimeout: 20_000,
  },
});
