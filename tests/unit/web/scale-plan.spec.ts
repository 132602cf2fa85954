import { expect, it } from 'vitest';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { knownShapes, type KnownShapeId } from '../../../web/panels/scale/known-shapes.ts';
import { memoryFigure } from '../../../web/panels/scale/memory-figure.ts';
import { scalePlan, storedFraction } from '../../../web/panels/scale/scale-plan.ts';
import { presetOf } from '../../../web/presets/presets.ts';

const GIB = 2 ** 30;

function planOf(layerTypes: string, windowTokens = Infinity) {
  const parsed = parseLayerTypes(layerTypes, layerTypes.split('_').length);
  if (!parsed.ok) throw new Error(layerTypes);
  return { layers: parsed.value, windowTokens };
}

function scale(layerTypes: string, id: KnownShapeId, machine: Partial<Parameters<typeof scalePlan>[3]> = {}) {
  const plan = planOf(layerTypes);
  const shape = knownShapes.find((each) => each.id === id);
  if (!shape) throw new Error(id);
  const choice = presetOf(layerTypes, plan.layers.length);
  return scalePlan(plan, choice, shape, {
    ...{ contextTokens: 32_768, memoryBytes: 80 * GIB, bitsPerWeight: 4.5 },
    ...machine,
  });
}

const LCKV = '0_6_6_6_6_6_6_7';

it('70B with 32k tokens needs 10 GiB per user, and three eighths of it under the shipped LCKV', () => {
  const { plain, plan } = scale(LCKV, '70b');
  expect(plain).toEqual({ fraction: 1, bytesPerUser: 10 * GIB, users: 4 });
  expect(plan).toEqual({ fraction: 3 / 8, bytesPerUser: 3.75 * GIB, users: 11 });
});

it('LCKV made for 80 layers stores KV in three of them', () => {
  const { preset } = scale(LCKV, '70b');
  expect(preset).toMatchObject({ storing: 3, fraction: 3 / 80, bytesPerUser: 0.375 * GIB, users: 114 });
});

it('a plan that no preset makes has no preset', () => {
  expect(scale('0_0_2_2_2_5_5_7', '8b').preset).toBeNull();
});

it('weights that do not fit leave room for nobody', () => {
  const { bytesForKv, plain, plan } = scale(LCKV, '70b', { bitsPerWeight: 16 });
  expect(bytesForKv).toBeLessThan(0);
  expect([plain.users, plan.users]).toEqual([0, 0]);
});

it('a windowed store counts its window alone, once the text is longer', () => {
  const plan = planOf('0s_1s_2_2', 256);
  expect(storedFraction(plan, 128)).toBe(3 / 4);
  expect(storedFraction(plan, 1024)).toBe((256 + 256 + 1024) / 4096);
});

it('the picture has a block for each user, and runs them together when they would be too narrow', () => {
  const blocksOf = (layerTypes: string, contextTokens: number) => {
    const { plain, weightBytes } = scale(layerTypes, '70b', { contextTokens });
    const bars = [{ label: 'Plain', scaled: plain }];
    const picture = { title: '', memoryBytes: 80 * GIB, weightBytes, bars };
    return memoryFigure(picture, 640).shapes.filter(
      (shape) => shape.kind === 'path' && shape.fill === '#14665a',
    );
  };
  expect(blocksOf(LCKV, 32_768)).toHaveLength(4);
  expect(blocksOf(LCKV, 128)).toHaveLength(1);
});
