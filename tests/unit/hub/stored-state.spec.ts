/** What an interrupted download leaves, and how the next one uses it. */
import { describe, expect, it } from 'vitest';
import { openHubSource } from '../../../worker/hub/hub-source.ts';
import type { HubEvent } from '../../../worker/protocol/hub.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { onStorageLoss } from '../../../worker/storage/connection.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import { sha256, type HubServer } from '../../support/hub-server.ts';
import {
  bytesSpace,
  failureOf,
  hubWith,
  ignore,
  modelAt,
  NAME,
  never,
  openLibrary,
  read,
  RECORD,
  recordKey,
  repository,
  WEIGHTS,
  weightsOnly,
} from './fixture.ts';

const marks = openSpace('model-mark-1', (_): _ is unknown => true);

/** A server, and three records of its weights on the device. */
async function interrupted(): Promise<HubServer> {
  const server = await hubWith({ [NAME]: repository() });
  server.misbehave(weightsOnly({ silentAfter: 3 * RECORD + 5 }, 1));
  const library = openLibrary();
  const outcome = library.download(modelAt(server), ignore);
  await expect.poll(async () => (await bytesSpace.keys(recordKey(server.endpoint, 2))).length).toBe(1);
  library.cancel();
  await outcome;
  server.served.length = 0;
  return server;
}

/** The start of each request for the weights in the next download, and the progress that it reports. */
async function resume(server: HubServer) {
  const progress: number[] = [];
  const stored = valueOf(
    await openLibrary().download(modelAt(server), (event: HubEvent) => {
      if (event.type === 'progress') progress.push(event.loadedBytes);
    }),
  );
  expect(sha256(await read(modelAt(server), 'model.safetensors'))).toBe(sha256(WEIGHTS));
  expect(progress.at(-1)).toBe(stored.totalBytes);
  expect(Math.max(...progress)).toBe(stored.totalBytes);
  return server.served.filter(({ file }) => file === 'model.safetensors').map(({ begin }) => begin);
}

describe('a download that continues', () => {
  it('starts after the last record', async () => {
    expect(await resume(await interrupted())).toEqual([3 * RECORD]);
  });

  it('starts at the first gap between the records', async () => {
    const server = await interrupted();
    await bytesSpace.remove(recordKey(server.endpoint, 1));
    expect(await resume(server)).toEqual([RECORD]);
  });

  it('starts over if the mark of the last record is lost', async () => {
    const server = await interrupted();
    await marks.remove(recordKey(server.endpoint, 2));
    expect(await resume(server)).toEqual([0]);
  });

  it('lowers its progress when it has to fetch a file again', async () => {
    const server = await interrupted();
    server.misbehave(weightsOnly({ wrongByteAt: 4 * RECORD }, 1));
    expect(await resume(server)).toEqual([3 * RECORD, 0]);
  });
});

describe('data that is deleted under a download', () => {
  const deleteAll = () =>
    new Promise<void>((resolve, reject) => {
      const request = indexedDB.deleteDatabase('kvtab');
      request.onsuccess = () => {
        resolve();
      };
      request.onblocked = () => {
        reject(new Error('the page did not let go of its connection'));
      };
    });

  it.each([
    ['ends it with a failure', true],
    ['never leaves a model that is listed as complete', false],
  ])('%s', async (_, listening) => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(weightsOnly({ drip: { bytes: 30_000, everyMs: 30 } }));
    const library = openLibrary();
    const stop = onStorageLoss(() => {
      if (listening) library.loseStorage();
    });
    const outcome = library.download(modelAt(server), ignore);
    await expect.poll(async () => (await bytesSpace.keys(recordKey(server.endpoint, 1))).length).toBe(1);
    await deleteAll();
    expect(failureOf(await outcome)).toEqual({ code: 'storage-lost' });
    stop();
    expect(valueOf(await openLibrary().stored()).filter(({ storedAtMs }) => storedAtMs !== null)).toEqual([]);
    server.misbehave(() => null);
    valueOf(await openLibrary().download(modelAt(server), ignore));
    expect(sha256(await read(modelAt(server), 'model.safetensors'))).toBe(sha256(WEIGHTS));
  });

  it('makes the model unavailable if it was stored', async () => {
    const server = await hubWith({ [NAME]: repository() });
    valueOf(await openLibrary().download(modelAt(server), ignore));
    const source = await openSource(server);
    await deleteAll();
    await expect(source.text('config.json')).rejects.toMatchObject({ failure: { code: 'not-stored' } });
  });
});

const openSource = (server: HubServer) => openHubSource(modelAt(server), never);
