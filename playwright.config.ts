import { defineConfig } from 'playwright/test';
import { freePort } from './tools/setup/free-port.mjs';
import { findChromium, quietFlags, webGpuFlags } from './tools/setup/find-chromium.mjs';

// This file is read again in every worker: the first reading chooses, the others inherit its choice.
const port = (process.env['KVTAB_E2E_PORT'] ??= `${await freePort()}`);
/**
 * Stories that need WebGPU, or are not known to do without it. A new story runs without it unless it is listed here,
 * because the first run of a page on the software adapter compiles for five seconds.
 */
const withWebGpu = [
  ...['citation', 'failures', 'failures-gpu', 'load-memory', 'main-thread', 'newcomer', 'watching'],
  ...['weights', 'hub-memory.nightly', 'soak.nightly'],
].map((story) => `**/${story}.spec.ts`);
/**
 * Stories that run other engines. V8 optimizes the WebAssembly of those for longer than a story runs it: a second and
 * a half each time that one starts, and about ten seconds where it runs on WebGPU.
 */
const withOtherEngines = ['peer', 'peer-laboratory', 'peer-wllama'].map((story) => `**/${story}.spec.ts`);
const withOtherEnginesOnWebGpu = ['**/peer-gpu.spec.ts'];
const unoptimized = '--js-flags=--liftoff-only';
/** What takes longer than a change should wait for: `npm run test:nightly`. */
const nightly = process.env['KVTAB_NIGHTLY'] === undefined ? ['**/*.nightly.spec.ts'] : [];
const chromium = findChromium();

const launch = (flags: readonly string[]) => ({
  launchOptions: {
    ...(chromium === undefined ? {} : { executablePath: chromium }),
    args: [...quietFlags, ...flags],
  },
});

export default defineConfig({
  testDir: 'tests/e2e',
  outputDir: 'test-results',
  globalSetup: './tests/e2e/serve-site.ts',
  // Two cores: a second browser would only make both slow.
  workers: 1,
  fullyParallel: false,
  // A machine that decides what is merged may stall for seconds. A story that passes only then is named as flaky.
  retries: process.env['CI'] === undefined ? 0 : 1,
  forbidOnly: process.env['CI'] !== undefined,
  reporter: 'list',
  timeout: 180_000,
  expect: { timeout: 30_000 },
  use: {
    baseURL: `http://127.0.0.1:${port}/`,
    trace: 'off',
    video: 'off',
    screenshot: 'only-on-failure',
    // What a service worker answers is hidden from the routes of a test; the tests about it allow it again.
    serviceWorkers: 'block',
  },
  projects: [
    { name: 'chromium-webgpu', testMatch: withWebGpu, testIgnore: nightly, use: launch(webGpuFlags) },
    {
      name: 'chromium-webgpu-other-engines',
      testMatch: withOtherEnginesOnWebGpu,
      testIgnore: nightly,
      use: launch([...webGpuFlags, unoptimized]),
    },
    {
      name: 'chromium-no-webgpu',
      testIgnore: [...withWebGpu, ...withOtherEngines, ...withOtherEnginesOnWebGpu, ...nightly],
      use: launch([]),
    },
    {
      name: 'chromium-other-engines',
      testMatch: withOtherEngines,
      testIgnore: nightly,
      use: launch([unoptimized]),
    },
  ],
});
