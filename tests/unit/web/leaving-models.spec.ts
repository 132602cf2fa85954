import 'fake-indexeddb/auto';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TAKE_BACK_MS } from '../../../web/panels/hub/leaving-models.svelte.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import { model, open, succeed } from './hub-fixture.ts';

const space = openSpace('leaving-models', (value): value is unknown => value !== undefined);
beforeEach(() => space.remove());
afterEach(() => vi.useRealTimers());

/** A Hub that lists one stored model. */
async function openListed() {
  const opened = open();
  await opened.hub.refresh();
  return opened;
}

it('A deleted model leaves the list at once, and can be taken back', async () => {
  const { hub, client, playground } = await openListed();
  const offered = () => playground.onDevice.map(({ id }) => id);
  expect(offered()).toHaveLength(1);
  await hub.remove([model]);
  expect(hub.kept).toEqual([]);
  expect(offered(), 'a link does not offer it').toEqual([]);
  const back = hub.takeBack();
  expect(hub.kept, 'not before the device knows: a reload would delete it for good').toEqual([]);
  await back;
  expect(hub.kept).toEqual([model]);
  expect(await space.keys()).toEqual([]);
  expect(offered()).toHaveLength(1);
  expect(client.remove).not.toHaveBeenCalled();
});

it('A model that is being taken back is not deleted by the next download', async () => {
  const { hub, client } = await openListed();
  await hub.remove([model]);
  const back = hub.takeBack();
  hub.load();
  await back;
  await vi.waitFor(() => expect(client.download).toHaveBeenCalled());
  expect(client.remove).not.toHaveBeenCalled();
});

it('A deleted model leaves the device after a while, and when another is deleted', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { hub, client } = await openListed();
  await hub.remove([model]);
  vi.advanceTimersByTime(TAKE_BACK_MS - 1);
  expect(client.remove).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(client.remove).toHaveBeenCalledTimes(1);
  const other = { ...model, commit: 'de5' };
  await hub.remove([model]);
  await hub.remove([other]);
  expect(client.remove).toHaveBeenCalledTimes(2);
  expect(hub.leaving.models).toEqual([other]);
});

it('A deleted model leaves the device before the next download', async () => {
  const { hub, client } = await openListed();
  await hub.remove([model]);
  hub.load();
  await vi.waitFor(() => expect(client.download).toHaveBeenCalled());
  expect(client.remove.mock.invocationCallOrder[0]).toBeLessThan(
    client.download.mock.invocationCallOrder[0] ?? 0,
  );
  expect(hub.leaving.models).toEqual([]);
});

it('The next visit deletes what this one did not, and ignores what is no model', async () => {
  const { hub } = await openListed();
  await hub.remove([model]);
  await space.set(['x'], { endpoint: 1 });
  const later = open();
  await later.hub.start();
  const { endpoint, repository, commit } = model;
  expect(later.client.remove.mock.calls).toEqual([[{ endpoint, repository, commit }]]);
  expect(await space.keys()).toEqual([]);
});

it('A model that an earlier visit deleted is gone before it is asked for again', async () => {
  await (await openListed()).hub.remove([model]);
  const { hub, client } = open();
  const calls: string[] = [];
  client.remove.mockImplementation(async () => {
    await new Promise((go) => setTimeout(go, 20));
    calls.push('remove');
    return succeed(undefined);
  });
  client.download.mockImplementation(() => {
    calls.push('download');
    return Promise.resolve(succeed(model));
  });
  const started = hub.start();
  hub.load();
  await started;
  await vi.waitFor(() => {
    expect(calls).toEqual(['remove', 'download']);
  });
});
