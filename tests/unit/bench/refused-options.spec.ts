import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const refused = (command: string, ...given: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`tools/${command}/run.mjs`, ...given], {
    encoding: 'utf8',
  });
  const [sentence, ...rest] = stderr.split('\n');
  return { status, stdout, sentence, usage: rest.join('\n').trim() };
};

describe('A benchmark that cannot do what it is asked', () => {
  it.each([
    ['weights', ['--text', 'x', '--windows', '1e300'], '--windows is at most 1000000, not "1e300"'],
    ['weights', ['--text', 'x', '--windows', '1'], '--windows is a whole number above 1, not "1"'],
    ['weights', [], '--text is missing: name a file with held-out text'],
    ['policies', ['--long', '99999999'], '--long is at most 65536, not "99999999"'],
    ['policies', ['--backend', 'gpu'], '--backend is webgpu or cpu, not "gpu"'],
    ['bench/load', ['--repeats', '1e9'], '--repeats is at most 100, not "1e9"'],
    ['bench/load', ['135m'], "Unexpected argument '135m'. This command does not take positional arguments"],
  ])('says why before it starts, and how it is used: %s %j', (command, given, sentence) => {
    const said = refused(command, ...given);
    expect(said).toMatchObject({ status: 2, stdout: '', sentence });
    expect(said.usage).toMatch(/^npm run --silent bench:\w+ -- /);
  });
});
