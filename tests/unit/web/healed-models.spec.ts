import { expect, it } from 'vitest';
import { healedFor, healedName } from '../../../web/playground/healed-models.ts';
import type { ModelOnDevice } from '../../../web/playground/link-notice.ts';
import { HEALED_ENDPOINT } from '../../../worker/endpoint.ts';
import { stored } from './scripted-engine.ts';

const family = ['fairy-llama', 'fairy-lckv'].map((id) => ({
  ...{ id, name: '', description: '', kernels: [], stored },
}));

const healed = (id: string, model: string, layerTypes: string, storedAtMs: number): ModelOnDevice => ({
  ...{ id, endpoint: HEALED_ENDPOINT, complete: true, commit: id, storedAtMs },
  healed: { model, layerTypes, slidingWindow: 64, steps: 100, bitsPerByte: 1.7264, onSample: true },
});

const plan = '0_3_3_3';
const onDevice: readonly ModelOnDevice[] = [
  healed('healed/old', 'fairy-llama', plan, 1),
  healed('healed/new', 'fairy-llama', plan, 2),
  healed('healed/other-plan', 'fairy-llama', '0_0_2_2', 3),
  healed('healed/foreign', 'someone/model', plan, 4),
  { ...healed('healed/half', 'fairy-llama', plan, 5), complete: false },
  { ...healed('someone/download', 'fairy-llama', plan, 6), healed: null },
];

const offered = (chosen: string, layerTypes = plan) =>
  healedFor(onDevice, family, chosen, layerTypes).map(({ id }) => id);

it('offers the models that were healed for the plan, newest first, to the family that they are of', () => {
  expect(offered('fairy-llama')).toEqual(['healed/new', 'healed/old']);
  expect(offered('fairy-lckv')).toEqual(['healed/new', 'healed/old']);
  expect(offered('fairy-llama', '0_1_2_3')).toEqual([]);
});

it('offers a model of somebody else only to that model', () => {
  expect(offered('someone/model')).toEqual(['healed/foreign']);
  expect(offered('someone/other')).toEqual([]);
});

it('offers the others, but not itself, to a healed model', () => {
  expect(offered('healed/new')).toEqual(['healed/old']);
  expect(offered('healed/other-plan')).toEqual(['healed/new', 'healed/old']);
});

it('calls a healed model by what became of it', () => {
  const [model] = onDevice;
  if (!model?.healed) throw new Error('it was healed');
  const storedAtMs = new Date(2026, 10, 27, 15, 48).getTime();
  expect(healedName({ ...model, storedAtMs })).toMatch(/^fairy-llama healed, 100 steps, Nov 27, 3:48\sPM$/);
  expect(healedName({ ...model, healed: { ...model.healed, steps: 1 } })).toContain('healed, 1 step,');
  expect(healedName({ ...model, healed: null })).toBe('healed/old');
});
