import { describe, expect, it } from 'vitest';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { exportSummary } from '../../../worker/laboratory/export-summary.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { summarize } from '../../../worker/laboratory/summary.ts';

const experiment = readExperiment({
  experiment: 1,
  name: 'Speeds',
  model: 'fairy-llama',
  base: { mode: 'sequential' },
  vary: [{ layers: ['0_1_2_3_4_5_6_7', '0_6_6_6_6_6_6_7'] }],
  measure: [
    { id: 'speed', kind: 'speed', prompt: [5], generate: [11], batch: [1], budgetBytes: 2 ** 20, rounds: 3 },
  ],
});

/** Three timed rounds of each row: 100, 110 and 120 ms to decode, and a third of the speed in the second row. */
const records = [0, 1].flatMap((row) =>
  [0, 1, 2].map((item): ItemRecord => {
    const decodeMs = (100 + 10 * item) * (row === 0 ? 1 : 3);
    return {
      ...{ key: '0'.repeat(64), row, measure: 'speed', item, ms: 1 },
      measured: {
        ...{ kind: 'speed', prefillMs: 10, decodeMs, largestBatch: 1 + row },
        ...{ batch: 1, places: 1, kvBytes: 1000, kvBytesAllocated: 1000, scratchBytes: 0, weightBytes: 1000 },
      },
    };
  }),
);
const summary = summarize(experiment, records, new Map());

describe('an exported summary', () => {
  it('writes how much faster or slower timed rounds are in percent, also in LaTeX', () => {
    expect(exportSummary(summary, 'md')).toContain('| 30.3 [27.78, 33.33] (−66.7 %) |');
    expect(exportSummary(summary, 'latex')).toContain('($-$66.7 \\%)');
  });

  it('writes other differences in the unit of their column', () => {
    expect(exportSummary(summary, 'md')).toContain('| 2 (+1) |');
  });

  it('tells a spreadsheet which differences are fractions of the baseline', () => {
    const [head = '', ...lines] = exportSummary(summary, 'csv').trim().split(/\r?\n/);
    expect(head).toMatch(/,"difference_is_relative"$/);
    const ends = (figure: string) =>
      lines.filter((line) => line.includes(figure)).map((line) => /[^,]*$/.exec(line)?.[0]);
    expect(ends('"decode, 5 + 11 tokens"')).toEqual(['""', '"true"']);
    expect(ends('"largest batch, from bytes"')).toEqual(['""', '"false"']);
  });
});
