// Changes one thing at a time in the code of one part, and counts the changes that its tests do not notice.
import { part } from './parts.mjs';

export default {
  plugins: ['@stryker-mutator/vitest-runner'],
  testRunner: 'vitest',
  vitest: { configFile: 'tools/check/mutants/vitest.config.ts' },
  mutate: part.mutate,
  coverageAnalysis: 'perTest',
  // A change in what runs while a module loads would need every test in a new process: nine tenths of the time.
  ignoreStatic: true,
  concurrency: 2,
  tempDirName: `.stryker/sandbox-${part.name}`,
  ignorePatterns: ['.stryker', 'dist', 'dist-headless', 'public', 'test-results', 'tools/train', 'web'],
  reporters: ['progress-append-only', 'clear-text', 'json'],
  jsonReporter: { fileName: `.stryker/${part.name}.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 100, low: part.leastPercent, break: part.leastPercent },
};
