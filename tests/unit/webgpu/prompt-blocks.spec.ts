import { describe, expect, it } from 'vitest';
import { kernelForRows } from '../../../gpu/webgpu/kernel.ts';
import { attentionTiles } from '../../../gpu/webgpu/kernels/attend-many.ts';
import { projectTiles } from '../../../gpu/webgpu/kernels/project-rows.ts';
import { promptBlocks, rowPlaces } from '../../../gpu/webgpu/prompt-blocks.ts';
import { promptChunks } from '../../../gpu/webgpu/prompt-chunks.ts';
import { MOST_SEGMENTS, packSteps } from '../../../gpu/webgpu/step.ts';
import { fc } from '../../support/seeded-properties.ts';

const most = { rows: 64, work: 3000 };
const chunksOf = (rows: number) => promptChunks(rows, () => 50, { mostRows: most.rows, mostWork: most.work });
const workOf = ({ rows }: { readonly rows: number }) => 50 * rows;

const attention = attentionTiles({
  ...{ heads: 4, kvHeads: 2, headDim: 64, format: 'f16', diagonal: true, windowed: false },
  ...{ splits: 1, mostSplits: 1, workgroup: 64 },
});
/** The kernels that take sums in their own order. */
const ordersOf = (rows: number) => [
  kernelForRows(projectTiles, rows).kernel.label,
  kernelForRows(attention, rows).kernel.label,
];

describe('Blocks of several prompts', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 80 });

  it('hold every row once, each chunk whole and after those before it', () => {
    fc.assert(
      fc.property(lengths, fc.boolean(), (ofTurns, kernelsVary) => {
        const blocks = promptBlocks(ofTurns.map(chunksOf), workOf, most, kernelsVary);
        const read = ofTurns.map(() => 0);
        let rows = 0;
        for (const block of blocks) {
          expect(block.firstRow).toBe(rows);
          expect(block.rows).toBe(block.chunks.reduce((sum, chunk) => sum + chunk.rows, 0));
          expect(block.rows).toBeLessThanOrEqual(most.rows);
          expect(workOf(block)).toBeLessThanOrEqual(most.work);
          expect(block.chunks.length).toBeLessThanOrEqual(MOST_SEGMENTS);
          for (const { turn, firstRow, rows: count } of block.chunks) {
            expect(chunksOf(ofTurns[turn] ?? 0)).toContainEqual({ firstRow, rows: count });
            expect(firstRow).toBe(read[turn]);
            read[turn] = firstRow + count;
          }
          rows += block.rows;
        }
        expect(read).toEqual(ofTurns);
        const placeOf = rowPlaces(blocks);
        const places = ofTurns.flatMap((count, turn) =>
          Array.from({ length: count }, (_, row) => placeOf(turn, row)),
        );
        expect(places.toSorted((a, b) => a - b)).toEqual([...Array(rows).keys()]);
      }),
    );
  });

  it('take the kernels whose sums have the order that each chunk has by itself', () => {
    fc.assert(
      fc.property(lengths, (ofTurns) => {
        for (const { chunks, countsAs } of promptBlocks(ofTurns.map(chunksOf), workOf, most, true)) {
          for (const { rows } of chunks) expect(ordersOf(countsAs)).toEqual(ordersOf(rows));
        }
      }),
    );
  });

  it('of one prompt are its chunks', () => {
    const blocks = promptBlocks([chunksOf(150)], workOf, most, true);
    expect(blocks.map(({ firstRow, rows }) => ({ firstRow, rows }))).toEqual(chunksOf(150));
    for (const { rows, countsAs } of blocks) expect(countsAs).toBe(rows);
  });

  it('name no row that no turn has', () => {
    const placeOf = rowPlaces(promptBlocks([chunksOf(3)], workOf, most, false));
    expect(() => placeOf(0, 3)).toThrow('no row 3 of turn 0');
    expect(() => placeOf(1, 0)).toThrow('no row 0 of turn 1');
  });
});

describe('Steps in memory', () => {
  it('say which rows are of one text: all of a plain one', () => {
    const plain = { rows: 5, firstRow: 2, windowTokens: 9 };
    const segments = [
      { first: 0, rows: 3 },
      { first: 3, rows: 2 },
    ];
    const words = packSteps([plain, { ...plain, segments }]);
    expect([...words.subarray(0, 6)]).toEqual([5, 2, 9, 1, 5 << 16, 0]);
    expect([...words.subarray(64, 70)]).toEqual([5, 2, 9, 2, 3 << 16, (2 << 16) | 3]);
  });
});
