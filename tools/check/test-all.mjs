// npm test: every suite, two at a time if there are two cores, and one sum at the end.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { missingForFirefox } from '../setup/find-firefox.mjs';
import { missingForWebKit } from '../setup/find-webkit.mjs';
import { closingLine, countPlaywright, countVitest, judgeSuite } from './count-tests.mjs';
import { provideChromium } from './provide-chromium.mjs';
import { runCommand } from './run-command.mjs';

const minuteMs = 60_000;
const reports = mkdtempSync(join(tmpdir(), 'kvtab-tests-'));
const site = resolve(import.meta.dirname, '../../dist');

/** @param {string} name @param {number} limitMs @param {readonly string[]} projects */
const vitest = (name, limitMs, projects = [name]) => ({
  name,
  limitMs,
  opensPage: name === 'firefox' || name === 'webkit',
  command: [
    'vitest',
    'run',
    ...projects.flatMap((project) => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
  ],
  /** @param {string} report */
  // Lavapipe compiles for 128-bit vectors in half the time, and tests compile more than they compute.
  toReport: (report) => ({ args: [`--outputFile.json=${report}`], env: { LP_NATIVE_VECTOR_WIDTH: '128' } }),
  count: countVitest,
});

const e2e = {
  name: 'e2e',
  limitMs: 40 * minuteMs,
  opensPage: true,
  command: ['playwright', 'test', '--reporter=list,json'],
  /** @param {string} report */
  toReport: (report) => ({ args: [], env: { PLAYWRIGHT_JSON_OUTPUT_NAME: report } }),
  count: countPlaywright,
};

// A suite keeps one core busy: software adapters mostly compile kernels, one after the other. So two run side by side,
// and whoever is free takes the next one. The longest come first, and last `unit`, which takes as many cores as are free.
const suites = [
  vitest('chromium', 22 * minuteMs),
  e2e,
  vitest('node', 22 * minuteMs, ['node', 'node-apart']),
];

// A person may have only one browser; a machine that decides what is merged must have all three.
const optional = [
  { suite: vitest('firefox', 18 * minuteMs, ['firefox', 'firefox-page']), missing: missingForFirefox() },
  { suite: vitest('webkit', 14 * minuteMs), missing: missingForWebKit() },
].map((entry) => ({ ...entry, leftOut: entry.missing !== null && process.env['CI'] === undefined }));
for (const { suite, leftOut } of optional) if (!leftOut) suites.push(suite);
suites.push(vitest('unit', 20 * minuteMs, ['unit', 'unit-apart']));
const sideBySide = availableParallelism() > 1;

/**
 * @param {string} path
 * @param {(json: string) => import('./count-tests.mjs').Report} count
 * @returns what the suite's runner counted, or null if it left no complete report
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

/** The environment of suites that open the page. If the build fails, they try it themselves, and fail with its reason. */
const builtPage = runCommand(['vite', 'build', '--logLevel', 'warn'], {
  show: false,
  limitMs: 2 * minuteMs,
}).then(({ code }) => (code === 0 ? { KVTAB_BUILT_SITE: site } : {}));

/** @param {typeof suites[number]} suite */
async function runSuite({ name, command, toReport, count, limitMs, opensPage }) {
  // The output of two suites at once would be mixed up, so each is shown when it has ended.
  console.log(`\n── ${name}${sideBySide ? ' begins' : ''}`);
  const path = join(reports, `${name}.json`);
  const { args, env } = toReport(path);
  const { code, output, elapsedMs } = await runCommand([...command, ...args], {
    show: !sideBySide,
    limitMs,
    env: opensPage ? { ...env, ...(await builtPage) } : env,
  });
  if (sideBySide) console.log(`\n── ${name}\n${output}`);
  return { name, elapsedMs, ...judgeSuite(readCount(path, count), code) };
}

const waiting = [...suites];
/** @type {Awaited<ReturnType<typeof runSuite>>[]} */
const results = [];

/** Runs suites until none is left. */
async function runSuites() {
  for (let suite = waiting.shift(); suite; suite = waiting.shift()) results.push(await runSuite(suite));
}

await Promise.all(Array.from({ length: sideBySide ? 2 : 1 }, runSuites));
rmSync(reports, { recursive: true, force: true });

// Last, where a log that was cut at its start still shows it.
console.log('');
for (const { name, notes } of results) for (const note of notes) console.log(`${name}: ${note}`);
for (const result of results) {
  const seconds = `${Math.round(result.elapsedMs / 1000)} s`;
  console.log(
    `${result.name.padEnd(10)}${seconds.padStart(6)}  ${closingLine([result])}  ${result.remark}`.trimEnd(),
  );
}
for (const { suite, missing, leftOut } of optional) {
  if (leftOut) console.log(`NOT RUN: the suite ${suite.name}. This machine lacks ${String(missing)}.`);
}
console.log(closingLine(results));
process.exitCode = results.every((result) => result.failed === 0) ? 0 : 1;
