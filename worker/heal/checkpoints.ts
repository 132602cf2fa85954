import { isObject } from '../hostile-fields.ts';
import { attempt } from '../outcome.ts';
import type { HealRequest } from '../protocol/heal.ts';
import { openSpace, type Space } from '../storage/space.ts';
import { checkRecipe } from './check-recipe.ts';
import type { HealingState } from './healing.ts';

/** A healing that a later visit can continue. */
export interface Checkpoint {
  readonly request: HealRequest;
  readonly state: HealingState;
}

/** Where the one healing is kept. The request is written once, the state every minute. */
export interface Checkpoints {
  begin(request: HealRequest): Promise<void>;
  keep(state: HealingState): Promise<void>;
  /** Writes all of a healing again: another tab may have begun one since. */
  renew(checkpoint: Checkpoint): Promise<void>;
  read(): Promise<Checkpoint | null>;
  drop(): Promise<void>;
}

const LAST = ['last'] as const;

/** On this device, beside the stored models. */
export function checkpointsOnDevice(): Checkpoints {
  const requests: Space<HealRequest> = openSpace('healing-request-1', isRequest);
  const states: Space<HealingState> = openSpace('healing-state-1', isState);
  const drop = async () => {
    await states.remove(LAST);
    await requests.remove(LAST);
  };
  return {
    begin: async (request) => {
      await drop();
      await requests.set(LAST, storable(request));
    },
    keep: (state) => states.set(LAST, state),
    renew: async ({ request, state }) => {
      await requests.set(LAST, storable(request));
      await states.set(LAST, state);
    },
    read: async () => {
      const [request, state] = await Promise.all([requests.get(LAST), states.get(LAST)]);
      // Of two healings, if only half of one was written.
      const fit = request && state && state.step <= request.recipe.steps;
      return fit ? { request, state } : null;
    },
    drop,
  };
}

/** Never a person's access token: the model is read from this device anyway. */
const storable = (request: HealRequest): HealRequest =>
  typeof request.model === 'object' && request.model.from === 'hub'
    ? { ...request, model: { ...request.model, token: null } }
    : request;

/** All that the page shows of a healing and that continuing it reads; the plan is checked again with the model. */
function isRequest(value: unknown): value is HealRequest {
  if (!isObject(value)) return false;
  const { model, config, recipe, text } = value;
  return (
    isStoredModel(model) &&
    isObject(config) &&
    ['undefined', 'string'].includes(typeof config['layerTypes']) &&
    ['undefined', 'number'].includes(typeof config['slidingWindow']) &&
    isObject(recipe) &&
    ['projections', 'all'].includes(String(recipe['trained'])) &&
    [recipe['passes'], recipe['laterPasses']].every(isObject) &&
    attempt(() => checkRecipe(value as unknown as HealRequest)).ok && // refuses what are no numbers
    isObject(text) &&
    ['name', 'train'].every((field) => typeof text[field] === 'string') &&
    (text['heldOut'] === null || typeof text['heldOut'] === 'string')
  );
}

/** A model that ships, or one of the Hub: files that were opened are not kept. */
const isStoredModel = (model: unknown): boolean =>
  typeof model === 'string' ||
  (isObject(model) &&
    model['from'] === 'hub' &&
    ['id', 'endpoint'].every((field) => typeof model[field] === 'string'));

function isState(value: unknown): value is HealingState {
  return (
    isObject(value) &&
    isStep(value['step']) &&
    ['weights', 'means', 'squares'].every((field) => value[field] instanceof Float32Array) &&
    Array.isArray(value['evaluations']) &&
    value['evaluations'].every(
      (read: unknown) => isObject(read) && isStep(read['step']) && Number.isFinite(read['bitsPerByte']),
    )
  );
}

const isStep = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
