import { isObject } from '../hostile-fields.ts';
import type { HealRequest } from '../protocol/heal.ts';
import { openSpace, type Space } from '../storage/space.ts';
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
      return request && state ? { request, state } : null;
    },
    drop,
  };
}

/** Never a person's access token: the model is read from this device anyway. */
const storable = (request: HealRequest): HealRequest =>
  typeof request.model === 'object' && request.model.from === 'hub'
    ? { ...request, model: { ...request.model, token: null } }
    : request;

function isRequest(value: unknown): value is HealRequest {
  return (
    isObject(value) &&
    ['config', 'recipe', 'text'].every((field) => isObject(value[field])) &&
    ['evaluateEverySteps', 'heldOutWindows'].every((field) => typeof value[field] === 'number')
  );
}

function isState(value: unknown): value is HealingState {
  return (
    isObject(value) &&
    typeof value['step'] === 'number' &&
    ['weights', 'means', 'squares'].every((field) => value[field] instanceof Float32Array) &&
    Array.isArray(value['evaluations'])
  );
}
