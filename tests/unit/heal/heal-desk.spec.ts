import 'fake-indexeddb/auto';
import { readFileSync } from 'node:fs';
import { beforeEach, expect, it } from 'vitest';
import { defaultRecipe } from '../../../gpu/train/recipe.ts';
import { HEALED_ENDPOINT } from '../../../worker/endpoint.ts';
import { checkpointsOnDevice } from '../../../worker/heal/checkpoints.ts';
import { HealDesk } from '../../../worker/heal/heal-desk.ts';
import type { Locks } from '../../../worker/hub/model-lock.ts';
import { FileRecords, listingOf } from '../../../worker/hub/records.ts';
import { openHubSource } from '../../../worker/hub/hub-source.ts';
import { Library } from '../../../worker/hub/library.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { HealEvent, HealRequest } from '../../../worker/protocol/heal.ts';
import type { HubModel } from '../../../worker/protocol/load.ts';
import { MemoryLocks } from '../../support/memory-locks.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { shippedSource } from '../worker/sources.ts';

const sample = (file: string) =>
  readFileSync(new URL(`../../../public/healing/${file}`, import.meta.url), 'utf8').slice(0, 8000);

/** Four short steps on the sample that ships. */
const request: HealRequest = {
  model: 'fairy-llama',
  config: { layerTypes: '0_6_6_6_6_6_6_7', forwardPasses: 1, backwardPasses: 1 },
  recipe: { ...defaultRecipe('projections', 4), sequencesPerStep: 2, tokensPerSequence: 16 },
  text: { name: 'sample', train: sample('train.txt'), heldOut: sample('held-out.txt') },
  evaluateEverySteps: 4,
  heldOutWindows: 2,
};

interface Surroundings {
  readonly room?: number | null;
  readonly keepsAt?: () => number;
  readonly locks?: Locks;
}

function openDesk({ room = null, keepsAt = () => 0, locks }: Surroundings = {}) {
  const desk = new HealDesk({
    openSource: (model) =>
      typeof model === 'string'
        ? Promise.resolve(shippedSource(model))
        : model.from === 'hub' && model.endpoint === HEALED_ENDPOINT
          ? openHubSource(model, new AbortController().signal)
          : Promise.resolve(shippedSource('fairy-llama')),
    openTextPlace: placeHere,
    checkpoints: checkpointsOnDevice(),
    locks,
    room: () => Promise.resolve(room),
    breathe: () => new Promise((done) => setTimeout(done)),
    now: keepsAt,
  });
  const events: HealEvent[] = [];
  const onEvent = (event: HealEvent) => {
    events.push(event);
  };
  return { desk, events, onEvent };
}

const lastBits = (events: readonly HealEvent[]) =>
  events.flatMap((event) => (event.type === 'evaluated' ? event.bitsPerByte : [])).at(-1);

const stepsIn = (events: readonly HealEvent[]) =>
  events.flatMap((event) => (event.type === 'step' ? event.step : []));

async function untilStep(events: readonly HealEvent[], step: number) {
  while (!stepsIn(events).includes(step)) await new Promise((done) => setTimeout(done, 5));
}

let whole: number | undefined;

beforeEach(async () => {
  await checkpointsOnDevice().drop();
  if (whole !== undefined) return;
  const { desk, events, onEvent } = openDesk();
  expect(valueOf(await desk.heal(request, onEvent))).toMatchObject({ end: 'complete', step: 4 });
  whole = lastBits(events);
  await desk.drop();
});

it('continues in another visit after a stop, to the same bits', async () => {
  const first = openDesk();
  const healing = first.desk.heal(request, first.onEvent);
  await untilStep(first.events, 2);
  first.desk.stop();
  expect(valueOf(await healing)).toMatchObject({ end: 'stopped', step: 2 });
  const second = openDesk();
  expect(valueOf(await second.desk.kept())).toMatchObject({
    ...{ model: 'fairy-llama', layerTypes: '0_6_6_6_6_6_6_7', step: 2, steps: 4 },
  });
  expect(valueOf(await second.desk.continue(second.onEvent))).toMatchObject({ end: 'complete' });
  expect(stepsIn(second.events)).toEqual([3, 4]);
  expect(lastBits(second.events)).toBe(whole);
});

it('keeps a state once a minute, which a killed tab continues from', async () => {
  let minutes = 0;
  const killed = openDesk({ keepsAt: () => minutes++ * 60_001 });
  const healing = killed.desk.heal(request, killed.onEvent);
  await untilStep(killed.events, 2);
  // As if the tab ended here: what another one reads now is what would be there.
  const step = (await checkpointsOnDevice().read())?.state.step;
  killed.desk.stop();
  await healing;
  expect(step).toBeGreaterThanOrEqual(1);
});

it('holds while it is paused, and keeps what it has', async () => {
  const { desk, events, onEvent } = openDesk();
  const healing = desk.heal(request, onEvent);
  await untilStep(events, 1);
  desk.pause();
  await new Promise((done) => setTimeout(done, 300));
  const held = stepsIn(events).length;
  expect((await checkpointsOnDevice().read())?.state.step).toBe(held);
  await new Promise((done) => setTimeout(done, 300));
  expect(stepsIn(events)).toHaveLength(held);
  expect(held).toBeLessThan(4);
  desk.resume();
  expect(valueOf(await healing).end).toBe('complete');
  expect(lastBits(events)).toBe(whole);
});

it('heals one plan at a time', async () => {
  const { desk, onEvent } = openDesk();
  const first = desk.heal(request, onEvent);
  const second = await desk.heal(request, onEvent);
  expect(second).toMatchObject({ ok: false, failure: { code: 'bad-request', field: 'model' } });
  desk.stop();
  await first;
});

it('heals in one tab at a time, and lets no other drop its checkpoint', async () => {
  const locks = new MemoryLocks() as unknown as Locks; // exclusive locks are all that is asked for
  const [here, there] = [openDesk({ locks }), openDesk({ locks })];
  const healing = here.desk.heal(request, here.onEvent);
  await untilStep(here.events, 1);
  here.desk.pause();
  const refused = { ok: false, failure: { code: 'bad-request', field: 'model' } };
  expect(await there.desk.heal(request, there.onEvent)).toMatchObject(refused);
  expect(await there.desk.continue(there.onEvent)).toMatchObject(refused);
  expect(await there.desk.drop()).toMatchObject(refused);
  here.desk.stop();
  await healing;
  valueOf(await there.desk.drop());
});

it('continues what it stopped itself, although another tab has begun another healing since', async () => {
  const [here, there] = [openDesk(), openDesk()];
  const healing = here.desk.heal(request, here.onEvent);
  await untilStep(here.events, 2);
  here.desk.stop();
  await healing;
  const other = { ...request, config: { ...request.config, layerTypes: '0_3_3_3_3_3_3_7' } };
  valueOf(await there.desk.heal(other, there.onEvent));
  const kept = async () => valueOf(await openDesk().desk.kept());
  expect(await kept()).toMatchObject({ layerTypes: '0_3_3_3_3_3_3_7', step: 4 });
  valueOf(await here.desk.continue(here.onEvent));
  expect(lastBits(here.events)).toBe(whole);
  // Request and state are of the same healing.
  expect(await kept()).toMatchObject({ layerTypes: '0_6_6_6_6_6_6_7', step: 4 });
});

it('continues a model whose files are only open, and touches no checkpoint for it', async () => {
  const kept = openDesk();
  valueOf(await kept.desk.heal({ ...request, recipe: { ...request.recipe, steps: 1 } }, kept.onEvent));
  const { desk, events, onEvent } = openDesk();
  const model = { from: 'files', id: 'folder:mine', files: new Map() } as const;
  const healing = desk.heal({ ...request, model }, onEvent);
  await untilStep(events, 2);
  desk.stop();
  await healing;
  expect(valueOf(await desk.continue(onEvent))).toMatchObject({ end: 'complete', step: 4 });
  expect(stepsIn(events)).toEqual([1, 2, 3, 4]);
  expect(lastBits(events)).toBe(whole);
  expect(valueOf(await openDesk().desk.kept())).toMatchObject({ model: 'fairy-llama', step: 1 });
});

it('keeps no access token, and forgets a healing that was dropped', async () => {
  const model: HubModel = {
    from: 'hub',
    id: 'somebody/model',
    endpoint: 'https://huggingface.co',
    token: { endpoint: 'https://huggingface.co', secret: 'hf_secret' },
    keep: true,
  };
  const { desk, onEvent } = openDesk();
  await desk.heal({ ...request, model, recipe: { ...request.recipe, steps: 1 } }, onEvent);
  const kept = await checkpointsOnDevice().read();
  expect(kept?.request.model).toEqual({ ...model, token: null });
  valueOf(await desk.drop());
  expect(valueOf(await desk.kept())).toBeNull();
  expect(await desk.continue(onEvent)).toMatchObject({ ok: false, failure: { field: 'checkpoint' } });
});

it('stores the healed model as a model that can be listed, checked and loaded', async () => {
  const { desk, events, onEvent } = openDesk();
  valueOf(await desk.heal(request, onEvent));
  const stored = valueOf(await desk.store('0.1.0+test'));
  expect(stored.repository).toBe('healed/fairy-llama-0_6_6_6_6_6_6_7');
  const library = new Library({ room: () => Promise.resolve(null) });
  const [listed, ...others] = valueOf(await library.stored());
  expect(others).toEqual([]);
  const { bytes: totalBytes, ...key } = stored;
  expect(listed).toMatchObject({ ...key, totalBytes, superseded: false });
  expect(listed?.verified.state).toBe('sound');
  const model: HubModel = {
    ...{ from: 'hub', id: stored.repository, endpoint: stored.endpoint, token: null, keep: true },
    commit: stored.commit,
  };
  expect(valueOf(await library.check(model, () => undefined)).verified.state).toBe('sound');
  // Under its own plan and without a step it reads the held-out text as the weights in training did.
  const again = openDesk();
  const evaluation = {
    ...{ ...request, model, config: { forwardPasses: 1, backwardPasses: 1 } },
    recipe: { ...request.recipe, steps: 0 },
  };
  valueOf(await again.desk.heal(evaluation, again.onEvent));
  expect(lastBits(again.events)).toBeCloseTo(lastBits(events) ?? NaN, 3);
  valueOf(await library.remove(stored));
  expect(valueOf(await library.stored())).toEqual([]);
});

it('keeps two healings of a plan, of which the name without a commit is the newer', async () => {
  const keys = [];
  for (const steps of [1, 2]) {
    const { desk, onEvent } = openDesk();
    const recipe = { ...request.recipe, steps };
    valueOf(await desk.heal({ ...request, recipe, evaluateEverySteps: 9 }, onEvent));
    keys.push(valueOf(await desk.store('test')));
  }
  const requestsOf = () => () => Promise.reject(new Error('nobody may be asked'));
  const library = new Library({ room: () => Promise.resolve(null), requestsOf });
  const stored = valueOf(await library.stored());
  const told = stored.map(({ commit, superseded, healed }) => [commit, superseded, healed?.steps]);
  expect(told).toContainEqual([keys[0]?.commit, true, 1]);
  expect(told).toContainEqual([keys[1]?.commit, false, 2]);
  const healed = stored.find(({ superseded }) => !superseded)?.healed;
  expect(healed).toMatchObject({
    ...{ model: 'fairy-llama', layerTypes: '0_6_6_6_6_6_6_7', onSample: true },
    bitsPerByte: expect.any(Number) as number,
  });
  const model: HubModel = {
    ...{ from: 'hub', id: 'healed/fairy-llama-0_6_6_6_6_6_6_7', endpoint: HEALED_ENDPOINT, token: null },
    keep: true,
  };
  expect(valueOf(await library.download(model, () => undefined)).commit).toBe(keys[1]?.commit);
  expect(valueOf(await library.newer(model))).toBeNull();
  for (const key of keys) valueOf(await library.remove(key));
});

it('reads the held-out text before it stores what was stopped between two readings', async () => {
  const { desk, events, onEvent } = openDesk();
  const healing = desk.heal({ ...request, evaluateEverySteps: 4 }, onEvent);
  await untilStep(events, 2);
  desk.stop();
  expect(valueOf(await healing).evaluations.map(({ step }) => step)).toEqual([0]);
  const key = valueOf(await desk.store('test'));
  const library = new Library({ room: () => Promise.resolve(null) });
  const [stored] = valueOf(await library.stored());
  expect(stored?.healed?.steps).toBe(2);
  expect(stored?.healed?.bitsPerByte).not.toBe(lastBits(events));
  expect(stored?.healed?.bitsPerByte).toBeGreaterThan(0);
  valueOf(await library.remove(key));
});

it('checks a healed model against its own digests, and says that a damaged one has no other copy', async () => {
  const { desk, onEvent } = openDesk();
  valueOf(await desk.heal({ ...request, recipe: { ...request.recipe, steps: 1 } }, onEvent));
  const key = valueOf(await desk.store('test'));
  const requestsOf = () => () => Promise.reject(new Error('nobody may be asked'));
  const library = new Library({ room: () => Promise.resolve(null), requestsOf });
  const model: HubModel = {
    ...{ from: 'hub', id: `${key.repository}@${key.commit}`, endpoint: HEALED_ENDPOINT, token: null },
    keep: true,
  };
  expect(valueOf(await library.check(model, () => undefined)).verified.state).toBe('sound');
  const listing = await listingOf(key);
  const file = listing?.files.find(({ name }) => name === 'config.json');
  if (!listing || !file) throw new Error('it was stored');
  const records = new FileRecords(listing, file);
  const [bytes, mark] = [await records.read(0), await records.mark(0)];
  if (!bytes || !mark) throw new Error('its record was stored');
  await records.write(0, bytes.with(0, bytes[0] === 0 ? 1 : 0), mark);
  expect(await library.check(model, () => undefined)).toMatchObject({
    ok: false,
    failure: {
      code: 'damaged-file',
      file: 'config.json',
      reason: expect.stringContaining('no other copy') as string,
    },
  });
  expect(valueOf(await library.stored())[0]?.verified).toEqual({ state: 'damaged', file: 'config.json' });
  valueOf(await library.remove(key));
});

it('stores nothing if there is no room, and nothing that was not healed', async () => {
  const { desk, onEvent } = openDesk({ room: 1000 });
  expect(await desk.store('test')).toMatchObject({ ok: false, failure: { field: 'model' } });
  valueOf(await desk.heal({ ...request, recipe: { ...request.recipe, steps: 1 } }, onEvent));
  expect(await desk.store('test')).toMatchObject({ ok: false, failure: { code: 'no-room' } });
  expect(valueOf(await new Library({ room: () => Promise.resolve(null) }).stored())).toEqual([]);
});

it('says which layer of a plan is wrong', async () => {
  const { desk, onEvent } = openDesk();
  const wrong = await desk.heal({ ...request, config: { layerTypes: '0_1_2' } }, onEvent);
  expect(wrong).toMatchObject({ ok: false, failure: { code: 'bad-layer-types', at: 3 } });
});
