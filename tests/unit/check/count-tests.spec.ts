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
  expect(judgeSuite({ passed: 3, failed: 0, skipped: 0, notes: [] }, 1)).toMatchObject({
    passed: 3,
    failed: 1,
  });
});

it('A runner that leaves no report counts as a failure', () => {
  expect(judgeSuite(null, 0)).toMatchObject({ passed: 0, failed: 1 });
});

it('A suite with failed tests counts them, and not its exit code as well', () => {
  expect(judgeSuite({ passed: 3, failed: 2, skipped: 0, notes: [] }, 1)).toMatchObject({
    passed: 3,
    failed: 2,
  });
});

it('A test that failed at its first try is named with the first lines of its message, without colors', () => {
  const differences = Array.from({ length: 20 }, (_, i) => `+ ${i}`);
  const failureMessages = [`\u001b[31mexpected 1\u001b[39m\n\nto be 2\n${differences.join('\n')}`];
  const assertionResults = [
    { fullName: 'adds', status: 'failed', failureMessages },
    { fullName: 'subtracts', status: 'passed', failureMessages: [] },
    { fullName: 'waits', status: 'passed', failureMessages: ['late'] },
  ];
  const testResults = [{ name: 'sum.spec.ts', status: 'failed', message: '', assertionResults }];
  expect(countVitest(vitestReport({ numFailedTests: 1, numPassedTests: 2, testResults }))).toMatchObject({
    passed: 2,
    failed: 1,
    notes: [
      `failed: sum.spec.ts › adds\n    ${['expected 1', 'to be 2', ...differences.slice(0, 10)].join('\n    ')}`,
      'flaky: sum.spec.ts › waits\n    late',
    ],
  });
});

it('A test file that cannot be loaded counts as a failure, and is named', () => {
  const testResults = [
    { name: 'a.spec.ts', status: 'failed', message: 'no such module', assertionResults: [] },
    {
      name: 'b.spec.ts',
      status: 'passed',
      message: '',
      assertionResults: [{ fullName: 'b', status: 'passed', failureMessages: [] }],
    },
  ];
  expect(countVitest(vitestReport({ numPassedTests: 1, testResults }))).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
    notes: ['failed: a.spec.ts\n    no such module'],
  });
});

it('A story that passed at its second try counts as passed, and is named as flaky beside those that failed', () => {
  const story = (title: string, status: string, messages: string[]) => ({
    title,
    tests: [{ status, results: messages.map((message) => ({ error: { message } })) }],
  });
  const count = countPlaywright(
    JSON.stringify({
      stats: { expected: 4, unexpected: 1, flaky: 1, skipped: 2 },
      errors: [{ message: 'no server' }],
      suites: [
        {
          file: 'a.spec.ts',
          specs: [story('works', 'expected', [])],
          suites: [
            {
              file: 'a.spec.ts',
              specs: [story('stalls', 'flaky', ['late']), story('breaks', 'unexpected', ['wrong', 'wrong'])],
            },
          ],
        },
      ],
    }),
  );
  expect(count).toEqual({
    passed: 5,
    failed: 2,
    skipped: 2,
    notes: [
      'flaky: a.spec.ts › stalls\n    late',
      'failed: a.spec.ts › breaks\n    wrong',
      'failed: outside every test\n    no server',
    ],
  });
});

it('The closing line sums all suites and names skips only if there are any', () => {
  const suite = { passed: 2, failed: 1, skipped: 0 };
  expect(closingLine([suite, suite])).toBe('4 passed, 2 failed');
  expect(closingLine([suite, { ...suite, skipped: 3 }])).toBe('4 passed, 2 failed, 3 skipped');
});
