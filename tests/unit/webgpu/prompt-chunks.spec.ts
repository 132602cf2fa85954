import { describe, expect, it } from 'vitest';
import { kernelForRows } from '../../../gpu/webgpu/kernel.ts';
import { projectTiles } from '../../../gpu/webgpu/kernels/project-rows.ts';
import { promptChunks } from '../../../gpu/webgpu/prompt-chunks.ts';
import { hardwareTuning } from '../../../gpu/webgpu/tuning.ts';

const rowsOf = (...args: Parameters<typeof promptChunks>) => promptChunks(...args).map(({ rows }) => rows);

describe('The chunks of a prompt', () => {
  it('have as many rows as are allowed, and the last one what is left', () => {
    const bounds = { mostRows: 512, mostWork: Infinity };
    expect(rowsOf(1100, () => 1, bounds)).toEqual([512, 512, 76]);
    expect(rowsOf(5, () => 1, bounds)).toEqual([5]);
    expect(promptChunks(600, () => 1, bounds)).toEqual([
      { firstRow: 0, rows: 512 },
      { firstRow: 512, rows: 88 },
    ]);
  });

  it('are cut where their work would be too much, into whole tiles of the kernels', () => {
    const bounds = { mostRows: 512, mostWork: 1000 };
    expect(rowsOf(300, () => 10, bounds)).toEqual([64, 64, 64, 64, 44]);
    expect(rowsOf(100, () => 1000 / 20, bounds)).toEqual([16, 16, 16, 16, 16, 20]);
    expect(rowsOf(3, () => 1e9, bounds)).toEqual([1, 1, 1]);
    // Later rows see more keys.
    expect(rowsOf(100, (row) => row, bounds)).toEqual([32, 16, 8, 8, 8, 8, 8, 8, 4]);
  });

  it('keep every job of a GPU below 0.3 s where it reaches a tenth of 1e12 multiply-adds per second', () => {
    const { chunkRows: mostRows, mostJobWork: mostWork } = hardwareTuning;
    // The attention of TinyLlama, with 32 heads of 64, over a text of 32,768 tokens.
    const workOf = (row: number) => 2 * 32 * 64 * (2048 + row + 1);
    const chunks = promptChunks(32768, workOf, { mostRows, mostWork });
    expect(chunks.reduce((sum, { rows }) => sum + rows, 0)).toBe(32768);
    for (const { firstRow, rows } of chunks) {
      expect((rows * workOf(firstRow + rows - 1)) / (0.1 * 1e12)).toBeLessThanOrEqual(0.3);
    }
    expect(chunks[0]?.rows).toBe(512);
  });
});

describe('The tiles of a product of many rows', () => {
  it.each([1, 5, 17, 64, 65])('use at least half of their rows for %i rows', (count) => {
    const { kernel } = kernelForRows(projectTiles, count);
    const matrix = { rows: 64, cols: 64, type: 'f32' } as const;
    const params = { matrix, yStride: 64, add: false, biased: false };
    const [, tiles = 1] = kernel.workgroups(params, count, 1);
    const { ROWS = 0, WG = 0 } = kernel.constants(params);
    const tileRows = kernel.label === 'project-few' ? ROWS : (ROWS * WG) / 16;
    expect(tiles * tileRows).toBeGreaterThanOrEqual(count);
    expect(count / (tiles * tileRows)).toBeGreaterThanOrEqual(0.5);
  });
});
