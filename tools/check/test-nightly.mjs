// npm run test:nightly: a million random mutations of model files, where npm test takes ten thousand.
import { runCommand } from './run-command.mjs';

const { code } = await runCommand(
  ['vitest', 'run', '--project', 'unit', 'tests/unit/worker/mutations.spec.ts'],
  { show: true, limitMs: 60 * 60_000, env: { KVTAB_MUTATIONS: '1000000' } },
);
if (typeof code === 'string') console.log(code);
process.exitCode = code === 0 ? 0 : 1;
