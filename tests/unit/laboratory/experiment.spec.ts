import { describe, expect, it } from 'vitest';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';

const digest = 'a'.repeat(64);
const ppl = { id: 'ppl', kind: 'rolling', text: { sha256: digest, name: 'tales.txt' } };
const read = (more: object) =>
  readExperiment({ experiment: 1, model: 'fairy-llama', measure: [ppl], ...more });

describe('An experiment', () => {
  it('has one row for each combination of what varies, the baseline first', () => {
    const { rows } = read({
      base: { backend: 'cpu', kv: 'f32' },
      vary: [{ layers: ['0_1', '0_0'] }, { policy: [{ id: 'none' }, { id: 'sinks', sinks: 4, recent: 60 }] }],
    });
    expect(rows.map(({ label }) => label)).toEqual([
      'layers 0_1 · none',
      'layers 0_1 · sinks: sinks 4, recent 60',
      'layers 0_0 · none',
      'layers 0_0 · sinks: sinks 4, recent 60',
    ]);
    expect(rows[3]).toMatchObject({
      backend: 'cpu',
      kvPrecision: 'f32',
      config: { layerTypes: '0_0' },
      policy: { id: 'sinks', sinks: 4, recent: 60 },
    });
  });

  it('takes a list of whole variants', () => {
    const { rows } = read({
      vary: [{ variants: [{ model: 'fairy-llama' }, { model: 'fairy-lckv', mode: 'parallel', forward: 3 }] }],
    });
    expect(rows.map(({ model, mode }) => [model, mode])).toEqual([
      ['fairy-llama', 'auto'],
      ['fairy-lckv', 'parallel'],
    ]);
    expect(rows[1]?.config).toEqual({ forwardPasses: 3 });
  });

  it('varies whether inputs have 8 bits where the CPU computes', () => {
    const { rows } = read({ base: { backend: 'cpu' }, vary: [{ weights: ['q4', 'w4a8'] }] });
    expect(rows.map(({ weights }) => weights)).toEqual(['q4', 'w4a8']);
  });

  it('without anything that varies has one row', () => {
    expect(read({}).rows.map(({ label }) => label)).toEqual(['baseline']);
  });

  it.each([
    [{ experiment: 2 }, /version 1/],
    [{ vary: [{ color: ['red'] }] }, /vary\[0\]\.color: there is no such thing to vary/],
    [{ vary: [{ kv: [] }] }, /vary\[0\]\.kv: .*not a list/],
    [{ vary: [{ kv: ['f8'] }] }, /kv: "f8" is none of f16, f32/],
    [
      { vary: [{ weights: ['q4', 'w4a8'] }] },
      /vary\.weights: inputs of 8 bits are computed on the CPU alone/,
    ],
    [{ vary: [{ backend: ['cpu', 'webgpu'] }, { weights: ['w4a8'] }] }, /vary\.weights: inputs of 8 bits/],
    [{ base: { weights: 'w4a9' } }, /weights: "w4a9" is none of stored, f32, f16, q8, q4, w4a8/],
    [{ vary: Array(4).fill({ seed: [1] }) }, /no such thing to vary/],
    [{ vary: Array(4).fill({ window: Array(10).fill(4) }) }, /more than 1000 rows/],
    [{ measure: [] }, /at least one thing/],
    [{ measure: [ppl, ppl] }, /two measures are called "ppl"/],
    [{ measure: [{ ...ppl, text: { sha256: 'x' } }] }, /not a SHA-256 digest/],
    [
      { measure: [{ id: 's', kind: 'speed', prompt: [5], generate: [8], batch: [4, 'most'] }] },
      /measure\[0\]\.batch: "most" is neither "largest" nor a whole number from 1 to 4096/,
    ],
    [{ measure: [{ id: 's', kind: 'speed', prompt: [5], generate: [8], batch: [4097] }] }, /4097 is neither/],
    [
      { measure: [{ kind: 'recall', distances: Array(100).fill(1), repeats: 1001 }] },
      /100100 items, more than/,
    ],
    [
      { measure: [{ kind: 'speed', prompt: Array(400).fill(1), generate: Array(400).fill(1) }] },
      /rounds: it makes 800000 items/,
    ],
    [{ surprise: 1 }, /surprise: there is no such field/],
  ])('is refused if it says %j', (more, reason) => {
    const words = (() => {
      try {
        read(more);
        return 'it was read';
      } catch (error) {
        const failure = (error as { failure?: { field: string; reason: string } }).failure;
        return `${failure?.field ?? ''}: ${failure?.reason ?? String(error)}`;
      }
    })();
    expect(words).toMatch(reason);
  });
});
