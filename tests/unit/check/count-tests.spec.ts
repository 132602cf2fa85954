import { expect, it } from 'vitest';
import { closingLine, countPlaywright, countVitest, judgeSuite } from '../../../tools/check/count-tests.mjs';

const vitestReport = (report: object) =>
  JSON.stringify({
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [],
    ...report,
  });

it('A suite that ran no test counts as a failure', () => {
  expect(judgeSuite(countVitest(vitestReport({})), 0)).toMatchObject({ failed: 1, remark: 'no test ran' });
});

it('A runner with a bad exit code counts as a failure even if no test failed', () => {
  expect(judgeSuite({ passed: 3, failed: 0, skipped: 0 }, 1)).toMatchObject({ passed: 3, failed: 1 });
});

it('A runner that leaves no report counts as a failure', () => {
  expect(judgeSuite(null, 0)).toMatchObject({ passed: 0, failed: 1 });
});

it('A suite with failed tests counts them, and not its exit code as well', () => {
  expect(judgeSuite({ passed: 3, failed: 2, skipped: 0 }, 1)).toMatchObject({ passed: 3, failed: 2 });
});

it('A test file that cannot be loaded counts as a failure', () => {
  const testResults = [
    { status: 'failed', assertionResults: [] },
    { status: 'passed', assertionResults: [{}] },
  ];
  expect(countVitest(vitestReport({ numPassedTests: 1, testResults }))).toMatchObject({
    passed: 1,
    failed: 1,
  });
});

it('A flaky test of a page counts as a failure', () => {
  const stats = { expected: 4, unexpected: 1, flaky: 1, skipped: 2 };
  const count = countPlaywright(JSON.stringify({ stats, errors: [] }));
  expect(count).toEqual({ passed: 4, failed: 2, skipped: 2 });
});

it('The closing line sums all suites and names skips only if there are any', () => {
  const suite = { passed: 2, failed: 1, skipped: 0 };
  expect(closingLine([suite, suite])).toBe('4 passed, 2 failed');
  expect(closingLine([suite, { ...suite, skipped: 3 }])).toBe('4 passed, 2 failed, 3 skipped');
});
