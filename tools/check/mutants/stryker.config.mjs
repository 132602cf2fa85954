// npm run test:mutants: changes one thing at a time in the code below and counts the changes that no test notices.
// docs/measuring.md has the scores, and the changes that no test can notice.

export default {
  plugins: ['@stryker-mutator/vitest-runner'],
  testRunner: 'vitest',
  vitest: { configFile: 'tools/check/mutants/vitest.config.ts' },
  mutate: ['gpu/plan/**/*.ts', 'gpu/kv/**/*.ts', 'worker/hub/**/*.ts'],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  tempDirName: '.stryker/sandbox',
  ignorePatterns: ['dist', 'dist-headless', 'public', 'test-results', 'tools/train', 'web'],
  reporters: ['progress-append-only', 'clear-text', 'json'],
  jsonReporter: { fileName: '.stryker/mutants.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 85, break: 85 },
};
