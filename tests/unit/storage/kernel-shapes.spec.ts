import 'fake-indexeddb/auto';
import { beforeEach, expect, it } from 'vitest';
import { kernelShapes } from '../../../worker/storage/kernel-shapes.ts';
import { openSpace } from '../../../worker/storage/space.ts';

/** As the build fills it in. */
declare const __KVTAB_ENGINE__: string;

const space = openSpace('kernel-shapes', (value): value is unknown => value !== undefined);
const key = ['vendor', 'a GPU', '4x8 f16'];
beforeEach(() => space.remove());

it('A measured workgroup is kept for its adapter and shapes, and those of other versions go', async () => {
  await space.set(['an older engine', ...key], 64);
  await kernelShapes.set(key, 128);
  expect(await kernelShapes.get(key)).toBe(128);
  expect(await kernelShapes.get(['vendor', 'another GPU', '4x8 f16'])).toBeUndefined();
  expect((await space.keys()).map(([version]) => version)).toEqual([__KVTAB_ENGINE__]);
});

it('What is no number counts as absent', async () => {
  await space.set([__KVTAB_ENGINE__, ...key], { workgroup: 128 });
  expect(await kernelShapes.get(key)).toBeUndefined();
});
