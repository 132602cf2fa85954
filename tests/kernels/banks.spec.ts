// What the tiles of prompts cost in workgroup memory, on a GPU with 32 banks and 128 multiply-adds per cycle.
import { runningIn } from '#platform';
import { describe, expect, it } from 'vitest';
import { rowBytes } from '../../gpu/numbers/matrix-format.ts';
import { kernelForRows } from '../../gpu/webgpu/kernel.ts';
import { projectTiles } from '../../gpu/webgpu/kernels/project-rows.ts';
import { project } from '../../gpu/webgpu/kernels/project.ts';
import { run } from '../support/kernels.ts';
import { accessesIn, bankCycles, mostNoted, noteBanks } from '../support/note-banks.ts';

const [columns, cols] = [64, 64];

describe.runIf(runningIn === 'node')('project-many, with a tile of', () => {
  it.each([16, 32, 64])(
    '%i rows reads its tiles in at most two cycles per cycle of arithmetic, and writes them without conflicts',
    async (rows) => {
      const { kernel } = kernelForRows(projectTiles, rows);
      const matrix = { rows: columns, cols, type: 'f32' } as const;
      const params = { matrix, yStride: columns, add: false, biased: false };
      expect(kernel.workgroups(params, rows, 1)).toEqual([1, 1]);
      const invocations = kernel.constants(params)['WG'] ?? 0;
      const noted = async (kind: 'reads' | 'writes') => {
        const data = {
          ...{ x: new Float32Array(rows * cols), w: new Float32Array(columns * cols) },
          ...{ bias: new Float32Array(4), y: new Float32Array(rows * columns) },
          noted: new Uint32Array(mostNoted * invocations),
        };
        const noting = noteBanks(kernel, ['xTile', 'wTile'], kind);
        const words = new Uint32Array(await run(noting, params, data, 'noted', { rows }));
        return accessesIn(words, invocations);
      };
      const reads = await noted('reads');
      expect(reads.length).toBeGreaterThan(cols);
      const arithmeticCycles = (rows * columns * cols) / 128;
      expect(bankCycles(reads) / arithmeticCycles).toBeLessThanOrEqual(2);

      // Every number is written once.
      const writes = await noted('writes');
      expect(bankCycles(writes)).toBe(((rows + columns) * cols) / 4 / 8);
    },
  );
});

describe.runIf(runningIn === 'node')('project of one row', () => {
  it.each(['f16', 'q8', 'q4'] as const)('stages its input without conflicts: %s', async (type) => {
    const [rows, inputs] = [16, 2048];
    const tuning = { workgroup: 128, lanes: 32 };
    const matrix = { rows, cols: inputs, type };
    const input = { kind: 'plain' } as const;
    const params = { matrix, input, yStride: rows, add: false, biased: false, tuning };
    expect(project.workgroups(params, 1, 1)).toEqual([1, 1]);
    for (const kind of ['reads', 'writes'] as const) {
      const noting = noteBanks(project, ['staged'], kind);
      const data = {
        ...{ x: new Float32Array(inputs), gain: new Float32Array(4), bias: new Float32Array(4) },
        ...{ w: new Uint32Array((rows * rowBytes(type, inputs)) / 4), y: new Float32Array(rows) },
        noted: new Uint32Array(mostNoted * tuning.workgroup),
      };
      const words = new Uint32Array(await run(noting, params, data, 'noted'));
      const accesses = accessesIn(words, tuning.workgroup);
      // Every quarter of a warp takes one cycle.
      expect(accesses.length).toBe(inputs / 4 / (kind === 'reads' ? tuning.lanes : tuning.workgroup));
      expect(bankCycles(accesses)).toBe((accesses.length * tuning.workgroup) / 8);
    }
  });
});

it('Neighbors that ask for one bank wait for each other, and those that ask for one number do not', () => {
  const eight = (indexOf: (i: number) => number) => [Uint32Array.from({ length: 8 }, (_, i) => indexOf(i))];
  expect(bankCycles(eight((i) => i))).toBe(1);
  expect(bankCycles(eight(() => 3))).toBe(1);
  expect(bankCycles(eight((i) => 8 * i))).toBe(8);
  expect(bankCycles(eight((i) => 4 * i))).toBe(4);
});
