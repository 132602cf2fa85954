// npm run test:mutants [-- PART…]: fails if the tests of a part notice too few of the changes in its code.
// docs/measuring.md has the scores.
import { runCommand } from '../run-command.mjs';
import { mutantRuns, parts } from './parts.mjs';

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(name in parts));
if (unknown !== undefined) {
  console.error(`There is no part "${unknown}". The parts are ${Object.keys(parts).join(', ')}.`);
  process.exit(2);
}

for (const { command, ...options } of mutantRuns(asked.length > 0 ? asked : Object.keys(parts))) {
  console.log(`\n${options.env.KVTAB_MUTANTS}`);
  const { code } = await runCommand(command, { show: true, ...options });
  if (typeof code === 'string') console.log(code);
  if (code !== 0) process.exitCode = 1;
}
