// Reads the JSON reports of the test runners: three numbers, and the names of what failed. Only this file knows their
// formats.
import { stripVTControlCharacters } from 'node:util';

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Count
 * @typedef {Count & { notes: string[] }} Report one note per test that failed or passed only at the second try
 * @typedef {{ fullName: string, status: string, failureMessages: string[] }} VitestTest
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: { name: string, status: string, message: string, assertionResults: VitestTest[] }[] }} VitestReport
 * @typedef {{ title: string, tests: { status: string, results: { error?: { message?: string } }[] }[] }} Spec
 * @typedef {{ file: string, specs?: Spec[], suites?: Suite[] }} Suite
 * @typedef {{ suites: Suite[], errors: { message?: string }[],
 *   stats: { expected: number, unexpected: number, flaky: number, skipped: number } }} PlaywrightReport
 */

/**
 * The first lines of a runner's message, without its colors: enough for what differs, and for what a page said.
 *
 * @param {string} message
 */
function shortened(message) {
  const plain = stripVTControlCharacters(message);
  const lines = plain.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(0, 12).join('\n    ').slice(0, 1600);
}

/**
 * A file that cannot be loaded counts as one failure. A test that passed at its second try counts as passed and is named
 * as flaky: Vitest keeps the message of the first.
 *
 * @param {string} json
 * @returns {Report}
 */
export function countVitest(json) {
  const report = /** @type {VitestReport} */ (JSON.parse(json));
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  const testNotes = report.testResults.flatMap((file) =>
    file.assertionResults
      .filter((test) => test.status === 'failed' || test.failureMessages.length > 0)
      .map((test) => {
        const verdict = test.status === 'failed' ? 'failed' : 'flaky';
        return `${verdict}: ${file.name} › ${test.fullName}\n    ${shortened(test.failureMessages.join('\n'))}`;
      }),
  );
  const unloadedFiles = unloaded.map((file) => `failed: ${file.name}\n    ${shortened(file.message)}`);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
    notes: [...testNotes, ...unloadedFiles],
  };
}

/**
 * A story that passed at its second try counts as passed and is named as flaky. An error outside every test counts as
 * one failure.
 *
 * @param {string} json
 * @returns {Report}
 */
export function countPlaywright(json) {
  const { stats, errors, suites } = /** @type {PlaywrightReport} */ (JSON.parse(json));
  return {
    passed: stats.expected + stats.flaky,
    failed: stats.unexpected + errors.length,
    skipped: stats.skipped,
    notes: [
      ...suites.flatMap(notesOfSuite),
      ...errors.map((error) => `failed: outside every test\n    ${shortened(error.message ?? '')}`),
    ],
  };
}

/** @param {Suite} suite @returns {string[]} */
function notesOfSuite({ file, specs = [], suites = [] }) {
  const own = specs.flatMap(({ title, tests }) =>
    tests
      .filter(({ status }) => status === 'unexpected' || status === 'flaky')
      .map(({ status, results }) => {
        const message = results.find(({ error }) => error !== undefined)?.error?.message ?? '';
        return `${status === 'flaky' ? 'flaky' : 'failed'}: ${file} › ${title}\n    ${shortened(message)}`;
      }),
  );
  return [...own, ...suites.flatMap(notesOfSuite)];
}

/**
 * The verdict on a suite. Running no test, or a bad exit code without a failed test, counts as one failure.
 *
 * @param {Report | null} report null if the runner left none
 * @param {number | string} code what the runner exited with
 * @returns {Report & { remark: string }}
 */
export function judgeSuite(report, code) {
  const sum = report ?? { passed: 0, failed: 0, skipped: 0, notes: [] };
  if (sum.failed > 0) return { ...sum, remark: '' };
  if (code !== 0) return { ...sum, failed: 1, remark: `the runner ended with ${code}` };
  if (report === null) return { ...sum, failed: 1, remark: 'the runner left no report' };
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
