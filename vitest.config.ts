import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { firefox } from './tests/firefox/provider.ts';
import { assemblyScript } from './tools/setup/assembly-script.mjs';
import { peerBuild } from './tools/setup/peer-files.mjs';
import { findChromium, quietFlags, webGpuFlags } from './tools/setup/find-chromium.mjs';
import { unitTestsApart } from './tools/setup/unit-tests-apart.mjs';

const decoderTests = ['tests/kernels/**/*.spec.ts', 'tests/model/**/*.spec.ts'];
/** What changes its process, or measures it: another engine on the GPU, threads, memory. */
const inProcessesOfTheirOwn = ['tests/node/**/*.spec.ts', 'tests/model/ledger.spec.ts'];
const eachFileAlike = 'tests/support/each-file-alike.ts';
const chromium = findChromium();
/**
 * A change is tested on a sample of what is random or slow, drawn from the same seed each time; `npm run test:nightly`
 * takes all of it, from a new seed.
 */
const provide = {
  samples: process.env['KVTAB_PLANS'] === 'all' ? 'all' : 'some',
  seed: Number(process.env['KVTAB_SEED'] ?? 1),
} as const;
/** A machine that decides what is merged tries a failed test again, and names it (tools/check/count-tests.mjs). */
const retry = process.env['CI'] === undefined ? 0 : 1;
/** What a list holds that should be empty is the news: by itself, Vitest says only how many there are. */
const chaiConfig = { truncateThreshold: 1000 };

/** What mocks a module, keeps data or runs another engine. */
const apart = unitTestsApart(import.meta.dirname);
/** Each suite gets an object of its own, because Vitest changes it. */
const unit = () => ({
  plugins: [assemblyScript(), svelte({ configFile: false })],
  // The build writes it into the page.
  define: {
    __KVTAB_COMMIT__: JSON.stringify('0123456789ab'),
    __KVTAB_ENGINE__: JSON.stringify('0123456789ab'),
    __KVTAB_PEER__: JSON.stringify(peerBuild),
  },
});
const unitTest = { include: ['tests/unit/**/*.spec.ts'], provide, retry, chaiConfig, testTimeout: 20_000 };

export default defineConfig({
  test: {
    projects: [
      {
        ...unit(),
        test: {
          ...unitTest,
          name: 'unit',
          exclude: apart,
          // A process for each file takes longer to load the code than most files take to test it.
          isolate: false,
          setupFiles: [eachFileAlike, 'tests/support/each-file-clean.ts'],
        },
      },
      { ...unit(), test: { ...unitTest, name: 'unit-apart', include: apart } },
      {
        plugins: [assemblyScript()],
        // `#platform` is tests/support/platform-node.ts here: see "imports" in package.json.
        test: {
          name: 'node',
          include: decoderTests,
          exclude: inProcessesOfTheirOwn,
          provide,
          retry,
          chaiConfig,
          // Dawn is a native addon that keeps its process alive; a fork can be ended from outside. All files share one, and
          // what its device compiled (tests/support/shared-devices.ts).
          pool: 'forks',
          isolate: false,
          setupFiles: eachFileAlike,
          fileParallelism: false,
          // A GPU's kernels take a software adapter long to compile, and longer on a busy machine.
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
      {
        plugins: [assemblyScript()],
        test: {
          name: 'node-apart',
          include: inProcessesOfTheirOwn,
          provide,
          retry,
          chaiConfig,
          pool: 'forks',
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
      {
        plugins: [assemblyScript()],
        // `#platform` is tests/support/platform-browser.ts here.
        test: {
          name: 'chromium',
          include: decoderTests,
          provide,
          retry,
          chaiConfig,
          // One page, and one device.
          isolate: false,
          setupFiles: eachFileAlike,
          fileParallelism: false,
          // SwiftShader computes about 0.5 GFLOP/s.
          testTimeout: 300_000,
          hookTimeout: 120_000,
          browser: {
            enabled: true,
            headless: true,
            provider: playwright({
              launchOptions: {
                ...(chromium === undefined ? {} : { executablePath: chromium }),
                args: [...quietFlags, ...webGpuFlags],
              },
            }),
            instances: [{ browser: 'chromium' }],
            screenshotFailures: false,
          },
        },
      },
      {
        plugins: [assemblyScript()],
        // `#platform` is tests/support/platform-browser.ts here too. Not the kernels: each of their cases reads back once,
        // which takes Firefox 100 ms.
        test: {
          name: 'firefox',
          include: [
            'tests/model/golden.spec.ts',
            'tests/kernels/{wasm,train-gradients,train-matrix,trainer}.spec.ts',
            'tests/firefox/decoder/**/*.spec.ts',
          ],
          provide,
          retry,
          chaiConfig,
          isolate: false,
          setupFiles: eachFileAlike,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          browser: {
            enabled: true,
            headless: true,
            provider: firefox(),
            instances: [{ browser: 'firefox' }],
            screenshotFailures: false,
          },
        },
      },
      {
        // These drive Firefox from Node.
        test: {
          name: 'firefox-page',
          retry,
          chaiConfig,
          include: ['tests/firefox/page/**/*.spec.ts'],
          globalSetup: 'tests/support/built-site.ts',
          fileParallelism: false,
          // One Firefox at a time.
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // These drive WebKit from Node, and run the CPU backend there for comparison.
        plugins: [assemblyScript()],
        test: {
          name: 'webkit',
          retry,
          chaiConfig,
          include: ['tests/webkit/**/*.spec.ts'],
          globalSetup: 'tests/support/built-site.ts',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
