// Reads the JSON reports of the test runners as three numbers. Only this file knows their formats.

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Count
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: { status: string, assertionResults: unknown[] }[] }} VitestReport
 * @typedef {{ stats: { expected: number, unexpected: number, flaky: number, skipped: number }, errors: unknown[] }} PlaywrightReport
 */

/**
 * A file that cannot be loaded counts as one failure.
 *
 * @param {string} json
 * @returns {Count}
 */
export function countVitest(json) {
  const report = /** @type {VitestReport} */ (JSON.parse(json));
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * A flaky test counts as failed. An error outside every test counts as one failure.
 *
 * @param {string} json
 * @returns {Count}
 */
export function countPlaywright(json) {
  const { stats, errors } = /** @type {PlaywrightReport} */ (JSON.parse(json));
  return {
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + errors.length,
    skipped: stats.skipped,
  };
}

/**
 * The verdict on a suite. Running no test, or a bad exit code without a failed test, counts as one failure.
 *
 * @param {Count | null} count null if the runner left no report
 * @param {number | string} code what the runner exited with
 * @returns {Count & { remark: string }}
 */
export function judgeSuite(count, code) {
  const sum = count ?? { passed: 0, failed: 0, skipped: 0 };
  if (sum.failed > 0) return { ...sum, remark: '' };
  if (code !== 0) return { ...sum, failed: 1, remark: `the runner ended with ${code}` };
  if (count === null) return { ...sum, failed: 1, remark: 'the runner left no report' };
  if (sum.passed === 0) return { ...sum, failed: 1, remark: 'no test ran' };
  return { ...sum, remark: '' };
}

/** @param {readonly Count[]} counts */
export function closingLine(counts) {
  /** @param {keyof Count} what */
  const sum = (what) => counts.reduce((total, count) => total + count[what], 0);
  const skipped = sum('skipped');
  return `${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
