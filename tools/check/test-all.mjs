// npm test: every suite, one after the other, and one sum at the end.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingForFirefox } from '../setup/find-firefox.mjs';
import { closingLine, countPlaywright, countVitest, judgeSuite } from './count-tests.mjs';
import { provideChromium } from './provide-chromium.mjs';
import { runCommand } from './run-command.mjs';

const minuteMs = 60_000;
const reports = mkdtempSync(join(tmpdir(), 'kvtab-tests-'));

/** @param {string} name @param {number} limitMs @param {readonly string[]} projects */
const vitest = (name, limitMs, projects = [name]) => ({
  name,
  limitMs,
  command: [
    'vitest',
    'run',
    ...projects.flatMap((project) => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
  ],
  /** @param {string} report */
  toReport: (report) => ({ args: [`--outputFile.json=${report}`], env: {} }),
  count: countVitest,
});

const suites = [
  vitest('unit', 5 * minuteMs),
  vitest('node', 12 * minuteMs),
  vitest('chromium', 15 * minuteMs),
  {
    name: 'e2e',
    limitMs: 15 * minuteMs,
    command: ['playwright', 'test', '--reporter=list,json'],
    /** @param {string} report */
    toReport: (report) => ({ args: [], env: { PLAYWRIGHT_JSON_OUTPUT_NAME: report } }),
    count: countPlaywright,
  },
];

// A person need not have a second browser; a machine that decides what is merged must.
const missing = missingForFirefox();
const firefoxLeftOut = missing !== null && process.env['CI'] === undefined;
if (!firefoxLeftOut) suites.push(vitest('firefox', 10 * minuteMs, ['firefox', 'firefox-page']));

/**
 * @param {string} path
 * @param {(json: string) => import('./count-tests.mjs').Count} count
 * @returns what the suite's runner counted, or null where it left no whole report
 */
function readCount(path, count) {
  try {
    return count(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

try {
  await provideChromium();
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  console.log('0 passed, 1 failed');
  process.exit(1);
}

const results = [];
for (const { name, command, toReport, count, limitMs } of suites) {
  console.log(`\n── ${name}`);
  const path = join(reports, `${name}.json`);
  const { args, env } = toReport(path);
  const { code, elapsedMs } = await runCommand([...command, ...args], { show: true, limitMs, env });
  results.push({ name, elapsedMs, ...judgeSuite(readCount(path, count), code) });
}
rmSync(reports, { recursive: true, force: true });

console.log('');
for (const result of results) {
  const seconds = `${Math.round(result.elapsedMs / 1000)} s`;
  console.log(
    `${result.name.padEnd(10)}${seconds.padStart(6)}  ${closingLine([result])}  ${result.remark}`.trimEnd(),
  );
}
if (firefoxLeftOut) console.log(`NOT RUN: the suite firefox. This machine lacks ${missing}.`);
console.log(closingLine(results));
process.exitCode = results.every((result) => result.failed === 0) ? 0 : 1;
