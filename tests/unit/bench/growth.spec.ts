import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { GrowthReport } from '../../../tools/bench/bench-growth.ts';
import { readArguments } from '../../../tools/bench/options.ts';

const plan = (name: string, slower: number): GrowthReport['plans'][number] => ({
  name,
  layerTypes: '0',
  measured: [64, 8192].map((tokens) => ({
    ...({ tokens, mode: 'parallel', prefillMs: slower * tokens, msPerToken: slower * 0.5 } as const),
  })),
  counted: [64, 32_768].map((tokens) => ({
    tokens,
    dispatches: 46,
    memoryBytes: slower * 2 ** 21,
    cacheBytes: 1,
  })),
});
const report: Omit<GrowthReport, 'adapter'> = {
  shape: '1,1,1,1,1,1,1',
  windowTokens: 512,
  plans: [plan('LLaMA', 1), plan('LCKV', 2), plan('windows', 3)],
};

describe('the chart of growth', () => {
  const { stdout, status } = spawnSync('node', ['tools/bench/draw-growth.mjs'], {
    input: JSON.stringify(report),
  });
  const svg = stdout.toString();

  it('has a line for each plan in each of three panels, and a mark with its reading for each figure', () => {
    expect(status).toBe(0);
    expect(svg.match(/class="line"/g)).toHaveLength(9);
    expect(svg.match(/<title>/g)).toHaveLength(18);
    expect(svg).toContain('<title>LCKV, 8192 tokens: 1 ms</title>');
    expect(svg).toContain('<title>windows of 512, 32768 tokens: 6 MiB</title>');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('--growth', () => {
  it('is measured on the processor in Node, and takes no other shape, plan or length', () => {
    expect(readArguments(['--backend', 'cpu', '--growth', '--repeats', '1']).growth).toBe(true);
    expect(readArguments([]).growth).toBe(false);
    expect(() => readArguments(['--growth'])).toThrow('--growth goes with --backend cpu');
    for (const more of [['--shape', '1.1b'], ['--prompt', '64'], ['--layers', '0_1'], ['--count']]) {
      expect(() => readArguments(['--backend', 'cpu', '--growth', ...more])).toThrow(more[0]);
    }
  });
});
