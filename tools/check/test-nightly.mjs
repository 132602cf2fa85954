// npm run test:nightly: what takes too long for every change. An hour of random files, links and requests, of which
// npm test has the first few thousand (KVTAB_FUZZ_SECONDS: tests/unit/fuzz/fuzz.ts); all random
// plans, draws, cycles, batches and counted kernels, of which it tries some (tests/support/samples.ts); experiments that
// are killed at 20 points instead of a few; the browser's memory while half a gigabyte comes from a server, and while
// models change and tokens are written for long (KVTAB_SOAK_TOKENS: tests/e2e/soak.nightly.spec.ts); whether the tests
// notice changes in the code; and the seven journeys by mouse, touch and keyboard each, of which npm test has a sample.
import { mutantRuns } from './mutants/parts.mjs';
import { provideChromium } from './provide-chromium.mjs';
import { runCommand } from './run-command.mjs';
import { sampledTests } from './sampled-tests.mjs';

const minuteMs = 60_000;
const runs = [
  {
    command: ['vitest', 'run', '--project', 'unit', 'tests/unit/fuzz'],
    limitMs: 80 * minuteMs,
    env: { KVTAB_FUZZ_SECONDS: process.env['KVTAB_FUZZ_SECONDS'] ?? '3600' },
  },
  {
    command: [
      'vitest',
      'run',
      ...['--project', 'node', '--project', 'node-apart'],
      ...sampledTests('tests/model', 'tests/kernels'),
    ],
    limitMs: 180 * minuteMs,
    env: { KVTAB_PLANS: 'all' },
  },
  {
    command: ['vitest', 'run', '--project', 'unit', '--project', 'unit-apart', ...sampledTests('tests/unit')],
    limitMs: 20 * minuteMs,
    env: { KVTAB_PLANS: 'all' },
  },
  {
    command: ['vitest', 'run', '--project', 'unit', 'tests/unit/laboratory'],
    limitMs: 20 * minuteMs,
    env: { KVTAB_KILLS: '20' },
  },
  {
    command: [
      ...['vitest', 'run', '--project', 'chromium'],
      ...['random-plans', 'poisoned-cache', 'ledger', 'autotune', 'freezing'].map(
        (spec) => `tests/model/${spec}.spec.ts`,
      ),
      ...['matrix', 'attention', 'columns', 'heads'].map((spec) => `tests/kernels/${spec}.spec.ts`),
    ],
    limitMs: 120 * minuteMs,
    env: { KVTAB_PLANS: 'all' },
  },
  {
    command: ['playwright', 'test', '.nightly.spec.ts', '/journeys/'],
    limitMs: 75 * minuteMs,
    env: { KVTAB_NIGHTLY: '1' },
  },
  ...mutantRuns(),
];

// `npm test` draws the same inputs each time. To repeat a night, set KVTAB_SEED to what it printed.
const seed = process.env['KVTAB_SEED'] ?? String(Date.now() % 2 ** 31);
console.log(`KVTAB_SEED=${seed}`);

await provideChromium();
process.exitCode = 0;
for (const { command, env, ...options } of runs) {
  const { code } = await runCommand(command, { show: true, ...options, env: { ...env, KVTAB_SEED: seed } });
  if (typeof code === 'string') console.log(code);
  if (code !== 0) process.exitCode = 1;
}
