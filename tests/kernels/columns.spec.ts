// What a row of x becomes, beside what it becomes alone: equal to the bit, however many rows a kernel takes at once.
import { runningIn } from '#platform';
import { describe, expect, inject, it } from 'vitest';
import { rowAt } from '../../gpu/kv/rows.ts';
import { linearSlots } from '../../gpu/kv/slots.ts';
import type { MatrixFormat } from '../../gpu/numbers/matrix-format.ts';
import { columnsFor, forColumns, type Columns } from '../../gpu/webgpu/kernels/columns.ts';
import { gateUpColumns } from '../../gpu/webgpu/kernels/gate-up.ts';
import type { HeadsParams } from '../../gpu/webgpu/kernels/heads.ts';
import { fittingColumns, type MatvecInput, type MatvecTuning } from '../../gpu/webgpu/kernels/matvec.ts';
import { projectQkvColumns } from '../../gpu/webgpu/kernels/project-qkv.ts';
import { projectHeadsColumns } from '../../gpu/webgpu/kernels/project-heads.ts';
import { projectColumns } from '../../gpu/webgpu/kernels/project.ts';
import { kept, randomFloats, rowTable, run } from '../support/kernels.ts';

interface Case {
  readonly columns: Columns;
  /** Rows of x: not always as many as there are columns, or more. */
  readonly rows: number;
  readonly type: MatrixFormat;
  readonly tuning: MatvecTuning;
}

const oneLane = { workgroup: 64, lanes: 1 };
const manyLanes = { workgroup: 64, lanes: 32 };

const cases: readonly Case[] = [
  { columns: 4, rows: 3, type: 'q4', tuning: oneLane },
  { columns: 2, rows: 3, type: 'q4', tuning: manyLanes },
  { columns: 8, rows: 8, type: 'f16', tuning: manyLanes },
  { columns: 2, rows: 5, type: 'q8', tuning: manyLanes },
  { columns: 8, rows: 17, type: 'f32', tuning: oneLane },
  { columns: 8, rows: 8, type: 'q4', tuning: manyLanes },
  { columns: 4, rows: 4, type: 'bf16', tuning: manyLanes },
  { columns: 4, rows: 3, type: 'q4', tuning: manyLanes },
  { columns: 2, rows: 2, type: 'f16', tuning: oneLane },
  { columns: 8, rows: 7, type: 'q8', tuning: oneLane },
];

// A case takes a software adapter 10 to 70 s, nearly all of it to compile.
const some = inject('samples') === 'all' ? cases : cases.slice(0, runningIn === 'node' ? 2 : 1);

// More columns than workgroup memory takes at a time.
const [matrixRows, cols] = [38, 2200];
const words = (buffer: ArrayBuffer) => [...new Uint32Array(buffer)];
const roomFor = ({ columns, rows }: Case) => Math.ceil(rows / columns) * columns;

/** The rows of a buffer that hold something, and those that each row's own run gives. */
async function compare(
  each: Case,
  stride: number,
  xStride: number,
  together: (x: Float32Array) => Promise<ArrayBuffer>,
  alone: (x: Float32Array, row: number) => Promise<ArrayBuffer>,
): Promise<void> {
  const x = randomFloats(roomFor(each) * xStride, 2);
  const all = words(await together(x));
  for (let row = 0; row < each.rows; row++) {
    const own = words(await alone(x.slice(row * xStride, (row + 1) * xStride), row));
    expect(all.slice(row * stride, (row + 1) * stride), `row ${row}`).toEqual(own);
    expect(own.some((word) => word !== 0)).toBe(true);
  }
}

/** Heads that are normed are whole in a workgroup; of others there may be parts, longer ones if lanes take turns. */
const headsFor = (columns: Columns): HeadsParams => ({
  ...(columns === 4 ? { headDim: 64, normed: false } : { headDim: 16, normed: true }),
  ...{ heads: 4, rotatedHeads: 2, eps: 1e-5, to: { kind: 'cache', format: 'f16' } },
});

const normedInput = (dim: number) => ({ kind: 'normed', dim, eps: 1e-5 }) as const;

describe.each(some)('$columns columns of $type, $tuning.lanes lanes, $rows rows', (each) => {
  const { columns, rows, type, tuning } = each;
  const w = kept(randomFloats(matrixRows * cols), cols, type);
  const matrix = { rows: matrixRows, cols, type };
  const gain = randomFloats(cols);
  const bias = randomFloats(matrixRows);
  const normed = normedInput(cols);

  const inputs: readonly { readonly input: MatvecInput; readonly xStride: number }[] = [
    { input: { kind: 'plain' }, xStride: cols },
    { input: normed, xStride: cols },
    { input: { kind: 'splits', splits: 3, heads: 50 }, xStride: 3 * (cols + 4 * 50) },
  ];
  it.each(inputs)('project $input.kind as one row does', async ({ input, xStride }) => {
    const params = { matrix, input, yStride: matrixRows, add: true, biased: true, tuning };
    const y = (count: number) => new Float32Array(count * matrixRows).fill(0.5);
    const data = { gain, w: w.data, bias };
    await compare(
      each,
      matrixRows,
      xStride,
      (x) => run(projectColumns(columns), params, { ...data, x, y: y(roomFor(each)) }, 'y', { rows }),
      (x) => run(projectColumns(1), params, { ...data, x, y: y(1) }, 'y'),
    );
  });

  it('take gate and up as one row does', async () => {
    const yStride = matrixRows / 2;
    const params = { matrix, input: normed, yStride, biased: true, tuning };
    const data = { gain, w: w.data, bias };
    const y = (count: number) => new Float32Array(count * yStride);
    await compare(
      each,
      yStride,
      cols,
      (x) => run(gateUpColumns(columns), params, { ...data, x, y: y(roomFor(each)) }, 'y', { rows }),
      (x) => run(gateUpColumns(1), params, { ...data, x, y: y(1) }, 'y'),
    );
  });

  it('put heads where each row says, as one row does, and nowhere else', async () => {
    const heads = headsFor(columns);
    const size = heads.heads * heads.headDim;
    const weights = kept(randomFloats(size * cols), cols, type);
    const params = {
      ...{ matrix: { rows: size, cols, type }, input: normed, biased: true, heads },
      lanes: tuning.lanes,
    };
    const placeOf = (row: number) => ({
      ...rowAt(linearSlots(40), 3 * ((row * 7) % 11)),
      slot: rows - 1 - row,
    });
    const data = {
      ...{ gain, w: weights.data, bias: randomFloats(size), headGain: randomFloats(heads.headDim) },
      rope: randomFloats(40 * heads.headDim),
    };
    const rowWords = size / 2;
    const x = randomFloats(roomFor(each) * cols, 2);
    const out = (count: number) => new Uint32Array(count * rowWords).fill(7);
    const places = Array.from({ length: roomFor(each) }, (_, row) =>
      row < rows ? placeOf(row) : { ...placeOf(0), slot: rows },
    );
    const all = words(
      await run(
        projectHeadsColumns(columns),
        params,
        { ...data, x, out: out(rows + 1), rows: rowTable(places) },
        'out',
        { rows },
      ),
    );
    for (let row = 0; row < rows; row++) {
      const own = await run(
        projectHeadsColumns(1),
        params,
        {
          ...{ ...data, x: x.slice(row * cols, (row + 1) * cols), out: out(1) },
          rows: rowTable([{ ...placeOf(row), slot: 0 }]),
        },
        'out',
      );
      const at = (rows - 1 - row) * rowWords;
      expect(all.slice(at, at + rowWords), `row ${row}`).toEqual(words(own));
    }
    expect(all.slice(rows * rowWords)).toEqual([...out(1)]);
  });
});

describe.each(some.filter(({ tuning }) => tuning.lanes > 1))('$columns columns of $type', (each) => {
  it('take queries, keys and values together as one row does', async () => {
    const { columns, rows, type, tuning } = each;
    const heads = headsFor(columns);
    const [queryHeads, { headDim }] = [3, heads];
    const [querySize, storeSize] = [queryHeads * headDim, heads.heads * headDim];
    const matrix = { rows: querySize, cols, type };
    const input = normedInput(cols);
    const params = { matrix, input, biased: true, queryHeads, heads, lanes: tuning.lanes };
    const data = {
      gain: randomFloats(cols + querySize + storeSize + 2 * headDim),
      w: kept(randomFloats(querySize * cols), cols, type).data,
      keyValueWeights: kept(randomFloats(storeSize * cols), cols, type).data,
      rope: randomFloats(40 * headDim),
    };
    const x = randomFloats(roomFor(each) * cols, 2);
    const places = Array.from({ length: roomFor(each) }, (_, row) => ({
      ...rowAt(linearSlots(40), (row * 7) % 11),
      slot: Math.min(row, rows),
    }));
    const ofRows = (first: number, count: number) => ({
      ...data,
      x: x.slice(first * cols, (first + count) * cols),
      queries: new Float32Array(count * querySize),
      out: new Uint32Array((rows + 1) * (storeSize / 2)),
      rows: rowTable(places.slice(first, first + count)),
    });
    for (const [output, size] of [
      ['queries', querySize],
      ['out', storeSize / 2],
    ] as const) {
      const all = words(
        await run(projectQkvColumns(columns), params, ofRows(0, roomFor(each)), output, { rows }),
      );
      for (let row = 0; row < rows; row++) {
        const own = words(await run(projectQkvColumns(1), params, ofRows(row, 1), output));
        const at = output === 'out' ? row * size : 0;
        const expected = own.slice(at, at + size);
        expect(all.slice(row * size, (row + 1) * size), `${output}, row ${row}`).toEqual(expected);
        expect(expected.some((word) => word !== 0)).toBe(true);
      }
    }
  });
});

describe('Columns', () => {
  it('are as few as take all rows at once, or as many as an adapter takes', () => {
    expect([1, 2, 3, 4, 5, 8, 9, 100].map((rows) => columnsFor(rows, 8))).toEqual([1, 2, 4, 4, 8, 8, 8, 8]);
    expect(columnsFor(5, 4)).toBe(4);
  });

  it('repeat the lines of a column, and no others', () => {
    expect(forColumns('a\n  b_c0 = f(column_c0, a_c01);\nc', 2)).toBe(
      [
        'override COLUMNS: u32 = 2u;',
        ...['const column_c0 = 0u;', 'const column_c1 = 1u;', 'a'],
        ...['  b_c0 = f(column_c0, a_c01);', '  b_c1 = f(column_c1, a_c01);', 'c'],
      ].join('\n'),
    );
  });

  it('are fewer if the parts of an attention would not fit into workgroup memory', () => {
    const parts = (splits: number, heads: number) => ({ kind: 'splits', splits, heads }) as const;
    expect(fittingColumns(8, parts(8, 32))).toBe(8);
    expect(fittingColumns(8, parts(8, 64))).toBe(4);
    expect(fittingColumns(8, parts(8, 300))).toBe(1);
    expect(fittingColumns(8, parts(1, 300))).toBe(8);
    expect(fittingColumns(2, { kind: 'plain' })).toBe(2);
  });
});
