// npm run check: every check that does not run the code.
import { cpus } from 'node:os';
import { runCommand } from './run-command.mjs';

/** Two run at a time, so the long ones come first. */
const checks = [
  { name: 'lint of components', command: ['eslint', '--max-warnings', '0', '.'] },
  {
    name: 'lint and types',
    command: ['oxlint', '--type-aware', '--type-check', '--report-unused-disable-directives', '.'],
  },
  { name: 'svelte', command: ['svelte-check', '--workspace', 'web', '--fail-on-warnings'] },
  { name: 'built page', command: ['node', 'tools/check/built-page.mjs'] },
  { name: 'format of components', command: ['prettier', '--check', '--log-level', 'warn', '**/*.svelte'] },
  { name: 'format', command: ['oxfmt', '--check'] },
  { name: 'private names', command: ['node', 'tools/check/private-names.mjs'] },
];

const waiting = [...checks];
let failed = 0;

async function work() {
  for (let check = waiting.shift(); check; check = waiting.shift()) {
    const { code, output, elapsedMs } = await runCommand(check.command, { show: false, limitMs: 600_000 });
    const seconds = `${(elapsedMs / 1000).toFixed(1)} s`;
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${check.name.padEnd(20)}${seconds.padStart(8)}`);
    if (code !== 0) {
      failed++;
      console.log(`${output.trimEnd()}\n${typeof code === 'string' ? code : ''}`);
    } else if (check.name === 'built page') console.log(output.trim().replace(/^/gm, '       '));
  }
}

const startMs = performance.now();
await Promise.all(Array.from({ length: Math.min(2, cpus().length) }, work));
console.log(`checks took ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
