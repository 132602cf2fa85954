import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { asSvg } from '../../../web/ui/picture/as-svg.ts';
import { framed } from '../../../web/ui/picture/frame.ts';
import { policyCurve } from '../../../web/panels/family/policy-curve.ts';
import { policyFigure } from '../../../web/panels/family/policy-figure.ts';
import { readPolicyTable } from '../../../web/panels/family/policy-table.ts';
import type { PolicyFigures } from '../../../tools/evaluate/policies.ts';

const readJson = (path: string): unknown => JSON.parse(readFileSync(`public/models/${path}`, 'utf8'));
const shipped = readJson('policies.json');
const table = readPolicyTable(shipped);
const curveOf = (id: string) => {
  const curve = table && policyCurve(table, id);
  if (!curve) throw new Error('the shipped table has a curve');
  return curve;
};

describe('the chart of sharing and policies', () => {
  it('has the figures of every model’s card', () => {
    expect(table).toEqual(shipped);
    expect(table?.models).toHaveLength(7);
    for (const { id, bitsPerByte, points } of table?.models ?? []) {
      const { fullBitsPerByte, results } = readJson(`${id}/policies.json`) as PolicyFigures;
      expect(bitsPerByte).toBeCloseTo(fullBitsPerByte, 4);
      expect(points).toHaveLength(results.length);
      for (const [i, { policy, rows, kernels, bitsPerByte: bits }] of results.entries()) {
        expect(points[i]).toMatchObject({ policy, rows, less: kernels !== null });
        expect(points[i]?.bitsPerByte).toBeCloseTo(bits, 4);
      }
    }
  });

  it('puts every model and the policies of the chosen one on one scale', () => {
    const curve = curveOf('fairy-llama');
    expect(curve.sharing.map(({ name }) => name).at(-1)).toBe('llama');
    expect(curve.lines.map(({ policy, less }) => `${policy}${less ? ' + less' : ''}`)).toEqual([
      ...['lambda', 'lambda + less', 'h2o', 'h2o + less', 'keyformer', 'keyformer + less'],
    ]);
    for (const { places, points } of curve.lines) {
      expect(points.map(({ rows }) => rows)).toEqual([64, 32, 12]);
      // From everything kept on, ever less memory and ever more bits.
      expect(places.map(({ x }) => x)).toEqual(places.map(({ x }) => x).toSorted((a, b) => b - a));
      expect(places.map(({ y }) => y)).toEqual(places.map(({ y }) => y).toSorted((a, b) => a - b));
    }
    for (const { x, y } of [...curve.sharing, ...curve.lines.flatMap(({ places }) => places)]) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(Math.max(x, y)).toBeLessThanOrEqual(1);
    }
  });

  it('has no policies of a model that was not measured', () => {
    expect(curveOf('folder:mine')).toMatchObject({ lines: [], chosen: null });
    expect(table && policyCurve({ ...table, models: [] }, 'fairy-llama')).toBeNull();
  });

  it('is saved with its legend', () => {
    const svg = asSvg(framed(policyFigure('Title', curveOf('fairy-llama'), 512), []));
    for (const text of ['llama', 'mixattention', 'H2O (heavy hitters)', 'dashed: with LESS', '1 MiB']) {
      expect(svg).toContain(text);
    }
  });

  it('leaves out entries that cannot be, and is nothing without the sizes of the windows', () => {
    const [whole] = table?.models ?? [];
    const point = { ...whole?.points[0], policy: 'lru' };
    const models = [whole, null, { ...whole, kvBytes: -1 }, { ...whole, points: [point] }];
    expect(readPolicyTable({ ...table, models })).toEqual({ ...table, models: [whole] });
    for (const wrong of [null, 3, {}, { ...table, windows: 'many' }, { ...table, models: {} }]) {
      expect(readPolicyTable(wrong)).toBeNull();
    }
  });
});
