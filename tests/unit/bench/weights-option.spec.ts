import { describe, expect, it } from 'vitest';
import { readArguments } from '../../../tools/bench/options.ts';

describe('Weights whose inputs have 8 bits', () => {
  it('are measured on the CPU', () => {
    expect(readArguments(['--backend', 'cpu', '--weights', 'w4a8']).request.weights).toBe('w4a8');
  });

  it.each([['--shape', '135m'], ['--count'], ['--count', '--shape', '135m'], []])(
    'are refused on a GPU, which would measure 16 bits under their name: %j %j %j',
    (...args) => {
      const read = () => readArguments(['--weights', 'w4a8', ...args]);
      expect(read).toThrow('--weights w4a8 goes with --backend cpu');
    },
  );
});
