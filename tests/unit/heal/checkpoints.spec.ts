import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it } from 'vitest';
import { defaultRecipe } from '../../../gpu/train/recipe.ts';
import { checkpointsOnDevice } from '../../../worker/heal/checkpoints.ts';
import { openSpace } from '../../../worker/storage/space.ts';

const request = {
  model: 'fairy-llama',
  config: { layerTypes: '0_6_6_6_6_6_6_7' },
  recipe: defaultRecipe('projections', 4),
  text: { name: 'sample', train: 'Once there was a king.', heldOut: null },
  evaluateEverySteps: 4,
  heldOutWindows: 2,
};
const numbers = () => Float32Array.of(1, 2);
const state = {
  ...{ step: 3, weights: numbers(), means: numbers(), squares: numbers() },
  evaluations: [{ step: 0, bitsPerByte: 1.5 }],
};

const anything = (_: unknown): _ is unknown => true;
const requests = openSpace('healing-request-1', anything);
const states = openSpace('healing-state-1', anything);

async function readBack(changed: { request?: unknown; state?: unknown }) {
  await requests.set(['last'], changed.request ?? request);
  await states.set(['last'], changed.state ?? state);
  return checkpointsOnDevice().read();
}

describe('a kept healing', () => {
  beforeEach(() => checkpointsOnDevice().drop());

  it('is read as it was written', async () => {
    expect(await readBack({})).toEqual({ request, state });
  });

  const hub = { from: 'hub', id: 'a/b', endpoint: 'https://huggingface.co', token: null, keep: true };
  it('may be of a model of the Hub', async () => {
    expect(await readBack({ request: { ...request, model: hub } })).toMatchObject({
      request: { model: hub },
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['a number as its model', { model: 5 }],
    ['a model from nowhere', { model: { from: 'moon' } }],
    ['a model without a name', { model: { ...hub, id: undefined } }],
    ['files that were only open', { model: { from: 'files', id: 'folder:a', files: new Map() } }],
    ['a number as its plan', { config: { layerTypes: 5 } }],
    ['a text as its window', { config: { slidingWindow: 'x' } }],
    ['an empty recipe', { recipe: {} }],
    ['no passes', { recipe: { ...request.recipe, passes: null } }],
    ['half a step', { recipe: { ...request.recipe, steps: 3.5 } }],
    ['nothing to train', { recipe: { ...request.recipe, trained: 'nothing' } }],
    ['a text that is a number', { text: { ...request.text, train: 7 } }],
    ['a held-out text that is a number', { text: { ...request.text, heldOut: 7 } }],
    ['readings after no step', { evaluateEverySteps: 0 }],
  ])('counts as absent with %s', async (_, changes) => {
    expect(await readBack({ request: { ...request, ...changes } })).toBeNull();
  });

  it.each<[string, Record<string, unknown>]>([
    ['more steps than its recipe has', { step: 5 }],
    ['a step that is no number', { step: Number.NaN }],
    ['weights of another type', { weights: [1, 2] }],
    ['an evaluation that is null', { evaluations: [null] }],
    ['an evaluation without a finite reading', { evaluations: [{ step: 0, bitsPerByte: Number.NaN }] }],
  ])('counts as absent with %s', async (_, changes) => {
    expect(await readBack({ state: { ...state, ...changes } })).toBeNull();
  });
});
