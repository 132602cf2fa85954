import { describe, expect, it } from 'vitest';
import { fastestOf } from '../../../gpu/webgpu/autotune.ts';
import { shapeKernels, type ShapeMemory } from '../../../worker/engine/shape-kernels.ts';

const adapterOf = (software: boolean) =>
  ({ backend: 'webgpu', vendor: 'V', description: 'D', software }) as const;

/** A model whose kernels come in three sizes, and what was asked of it. */
function model(software = false, fastest = 128) {
  const asked = { measured: 0, taken: [] as number[] };
  const products = {
    workgroups: [256, 128, 64],
    of: '4x8 f16',
    fastest: () => Promise.resolve((asked.measured++, fastest)),
    take: (workgroup: number) => void asked.taken.push(workgroup),
  };
  const loaded = { weights: { products }, backend: { adapter: adapterOf(software) } };
  return { asked, loaded: loaded as unknown as Parameters<typeof shapeKernels>[0] }; // only these are read
}

function memoryOf(kept: unknown): ShapeMemory & { readonly written: unknown[] } {
  const written: unknown[] = [];
  return {
    written,
    get: () => (kept instanceof Error ? Promise.reject(kept) : Promise.resolve(kept)),
    set: (key, workgroup) =>
      kept instanceof Error ? Promise.reject(kept) : Promise.resolve(void written.push([key, workgroup])),
  };
}

describe('The shape of the decoding kernels', () => {
  it('is measured once for an adapter and a shape, and then remembered', async () => {
    const { asked, loaded } = model();
    const memory = memoryOf(undefined);
    expect(await shapeKernels(loaded, 'automatic', memory)).toEqual({ rows: 16, chosen: 'measured' });
    expect(memory.written).toEqual([[['V', 'D', '4x8 f16'], 128]]);
    expect(await shapeKernels(loaded, 'automatic', memoryOf(64))).toEqual({ rows: 8, chosen: 'remembered' });
    expect(asked).toEqual({ measured: 1, taken: [128, 64] });
  });

  it.each([[512], ['64'], [null], [{ workgroup: 64 }], [-1], [new Error('blocked')]])(
    'is measured if storage holds %j',
    async (kept) => {
      const { loaded } = model();
      expect(await shapeKernels(loaded, 'automatic', memoryOf(kept))).toEqual({
        rows: 16,
        chosen: 'measured',
      });
    },
  );

  it('is taken as set, without measuring', async () => {
    for (const [choice, workgroup] of [
      ['32', 256],
      ['16', 128],
      ['8', 64],
    ] as const) {
      const { asked, loaded } = model();
      expect(await shapeKernels(loaded, choice, memoryOf(64))).toEqual({
        rows: Number(choice),
        chosen: 'set',
      });
      expect(asked).toEqual({ measured: 0, taken: [workgroup] });
    }
  });

  it('is the usual one on a software adapter, and none where there is no choice', async () => {
    const { asked, loaded } = model(true);
    expect(await shapeKernels(loaded, 'automatic', memoryOf(64))).toEqual({ rows: 32, chosen: 'usual' });
    expect(asked).toEqual({ measured: 0, taken: [256] });
    const without = { ...loaded, weights: {} } as unknown as typeof loaded;
    expect(await shapeKernels(without, '8', null)).toBeNull();
  });

  it('is another than the usual one only if that is clearly faster', () => {
    expect(fastestOf([10, 9.8, 11])).toBe(256);
    expect(fastestOf([10, 9, 8])).toBe(64);
    expect(fastestOf([10, 8, 9])).toBe(128);
    expect(fastestOf([Infinity, Infinity, Infinity])).toBe(256);
  });
});
