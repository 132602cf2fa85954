import { describe, expect, it } from 'vitest';
import { EVICTED, HIDDEN, readsByPosition } from '../../../gpu/kv/head-attention.ts';
import { attentionFigure } from '../../../web/panels/attention/attention-figure.ts';
import { inColumns, rowsOf, strength, together } from '../../../web/panels/attention/readings.ts';

const mask = { windowTokens: 4, diagonal: false };

describe('What a token reads', () => {
  it('tells rows that a mask hides from rows that are gone', () => {
    const head = { positions: [5, 3], probabilities: Float32Array.of(0.75, 0.25), recalled: 0 };
    // A window of 4 at position 6 shows 3 to 5, without its own.
    expect([...readsByPosition(head, 6, mask)]).toEqual([
      HIDDEN,
      HIDDEN,
      HIDDEN,
      0.25,
      EVICTED,
      0.75,
      HIDDEN,
    ]);
    const none = { positions: [], probabilities: new Float32Array(), recalled: 0 };
    expect([...readsByPosition(none, 0, mask)]).toEqual([HIDDEN]);
  });

  it('is the mean or the maximum of heads, where a row that one head has lost counts 0', () => {
    const heads = [Float32Array.of(0.5, 0.5, EVICTED, HIDDEN), Float32Array.of(EVICTED, 1, EVICTED, HIDDEN)];
    expect([...together(heads, 'mean')]).toEqual([0.25, 0.75, EVICTED, HIDDEN]);
    expect([...together(heads, 'most')]).toEqual([0.5, 1, EVICTED, HIDDEN]);
  });

  it('has a row per layer, or per head of one', () => {
    const attention = {
      ...{ tokens: [], promptTokens: 2, position: 1, mode: 'parallel' as const },
      layers: [
        { owner: 0, reads: Float32Array.of(1, 0, 0.5, 0.5), recalled: Float32Array.of(0, 0) },
        { owner: 0, reads: Float32Array.of(0.25, 0.25, 0.5, 0.5), recalled: Float32Array.of(0.5, 0) },
      ],
    } as const;
    const layers = rowsOf(attention, null, 'mean');
    expect(layers.map(({ label }) => label)).toEqual(['Layer 0', 'Layer 1 (reads layer 0)']);
    expect(layers.map(({ reads }) => [...reads])).toEqual([
      [0.75, 0.25],
      [0.375, 0.375],
    ]);
    expect(layers.map(({ recalled }) => recalled)).toEqual([0, 0.25]);
    expect(rowsOf(attention, 1, 'mean').map(({ reads }) => [...reads])).toEqual([
      [0.25, 0.25],
      [0.5, 0.5],
    ]);
  });

  it('keeps the strongest of columns that are drawn as one', () => {
    const reads = Float32Array.of(HIDDEN, EVICTED, 0, 0.5, 0.25, EVICTED);
    expect([...inColumns(reads, 3)]).toEqual([EVICTED, 0.5, 0.25]);
    expect(inColumns(reads, 6)).toBe(reads);
    expect(strength(0.01)).toBeCloseTo(0.1, 6);
  });

  it('is drawn with what was evicted and what is hidden told apart', () => {
    const row = { label: 'Layer 0', mark: '0', recalled: 0, reads: Float32Array.of(HIDDEN, EVICTED, 0.5) };
    const { shapes, legend } = attentionFigure('Attention', 'layer', [row]);
    const paths = shapes.filter((shape) => shape.kind === 'path');
    // The ground of one cell, the mark of another, and one shade.
    expect(paths.map(({ d }) => d.split('M').length - 1)).toEqual([1, 1, 1]);
    expect(legend.map(({ label }) => label)).toContain('evicted');
  });
});
