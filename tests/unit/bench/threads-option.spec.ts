import { describe, expect, it } from 'vitest';
import { readArguments } from '../../../tools/bench/options.ts';

const onCpu = (...args: readonly string[]) => readArguments(['--backend', 'cpu', ...args]);

describe('The numbers of threads that the bench measures', () => {
  it('are read in order', () => {
    expect(onCpu('--threads', '1,2').request.threads).toEqual([1, 2]);
    expect(onCpu().request.threads).toEqual([1]);
  });

  it.each([
    [['--threads', '1e9'], '--threads is at most 64, not "1e9"'],
    [['--threads', '65'], '--threads is at most 64, not "65"'],
    [['--threads', '0'], '--threads is a whole number above 0, not "0"'],
    [['--threads', '1.5'], '--threads is a whole number above 0, not "1.5"'],
    [['--threads', ''], '--threads is a whole number above 0, not ""'],
    [['--threads', 'two'], '--threads is a whole number above 0, not "two"'],
    [['--threads', '1,2', '--batch', '2'], '--batch takes one number of --threads'],
    [['--threads', '2', '--in', 'chromium'], '--threads goes with --in node'],
  ])('are refused: %j', (args, message) => {
    expect(() => onCpu(...args)).toThrow(message);
  });

  it.each(['prompt', 'new', 'repeats', 'batch'])('and --%s are refused if they never end', (name) => {
    expect(() => onCpu(`--${name}`, '1e300')).toThrow(`--${name} is at most 1000000, not "1e300"`);
    expect(() => onCpu(`--${name}`, 'Infinity')).toThrow(`--${name} is at most`);
    for (const wrong of ['0', '-1', '1.5', 'NaN', '', ' ']) {
      expect(() => onCpu(`--${name}=${wrong}`)).toThrow(
        `--${name} is a whole number above 0, not "${wrong}"`,
      );
    }
  });

  it('are refused on a GPU', () => {
    expect(() => readArguments(['--threads', '2'])).toThrow('--threads goes with --backend cpu');
  });
});
