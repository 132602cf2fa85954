import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const ask = (...given: readonly string[]) => {
  const options = "{ rounds: { type: 'string', default: '3' }, out: { type: 'string' } }";
  const script = `import { readOptions } from './tools/setup/read-options.mjs';
    console.log(JSON.stringify(readOptions(${options}, 'how it is used')));`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', script, '--', ...given],
    { encoding: 'utf8' },
  );
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
};

describe('The options of a command', () => {
  it('are texts, those with a default always', () => {
    expect(ask().stdout).toBe('{"rounds":"3"}');
    expect(JSON.parse(ask('--rounds', '5', '--out', 'x').stdout)).toEqual({ rounds: '5', out: 'x' });
  });

  it('are told on request', () => {
    expect(ask('--help')).toEqual({ status: 0, stdout: 'how it is used', stderr: '' });
  });

  it('are refused in a sentence, without a trace of the stack, if nobody knows them', () => {
    const { status, stdout, stderr } = ask('--nonsense');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toBe("Unknown option '--nonsense'\n\nhow it is used");
  });
});
