import { describe, expect, it } from 'vitest';
import type { HubEvent } from '../../../worker/protocol/hub.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { sha256 } from '../../support/hub-server.ts';
import {
  bytesSpace,
  COMMIT,
  failureOf,
  hubWith,
  ignore,
  modelAt,
  NAME,
  openLibrary,
  read,
  RECORD,
  recordKey,
  repository,
  TOKENIZER,
  WEIGHTS,
  weightsOnly,
} from './fixture.ts';

describe('the person', () => {
  it('pauses and resumes, and no byte is sent twice', async () => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(weightsOnly({ drip: { bytes: 4_000, everyMs: 8 } }));
    const library = openLibrary();
    let paused = false;
    const outcome = library.download(modelAt(server), (event) => {
      if (paused || event.type !== 'progress' || event.loadedBytes < TOKENIZER.length + 30_000) return;
      paused = true;
      library.pause();
      const asked = server.asked.length;
      setTimeout(() => {
        expect(server.asked.length).toBe(asked);
        library.resume();
      }, 100);
    });
    valueOf(await outcome);
    expect(paused).toBe(true);
    const [first, second, ...more] = server.served.filter(({ file }) => file === 'model.safetensors');
    expect(more).toEqual([]);
    expect(second?.begin).toBeGreaterThan(20_000);
    expect(second?.begin).toBeLessThanOrEqual(first?.sentBytes ?? 0);
    expect(sha256(await read(modelAt(server), 'model.safetensors'))).toBe(sha256(WEIGHTS));
  });

  it('cancels during a pause, and the next download starts after the last whole record', async () => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(weightsOnly({ silentAfter: 2 * RECORD + 100 }, 1));
    const library = openLibrary();
    const outcome = library.download(modelAt(server), ignore);
    await expect.poll(async () => (await bytesSpace.keys(recordKey(server.endpoint, 1))).length).toBe(1);
    library.pause();
    library.cancel();
    expect(failureOf(await outcome)).toEqual({ code: 'cancelled' });
    valueOf(await openLibrary().download(modelAt(server), ignore));
    expect(server.served.at(-1)).toMatchObject({ file: 'model.safetensors', begin: 2 * RECORD });
  });

  it('is told of every byte that arrived, also of a server that falls silent, before the wait for it', async () => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(weightsOnly({ silentAfter: 2 * RECORD + 100 }, 1));
    const events: HubEvent[] = [];
    const library = openLibrary({ stallMs: 400 });
    const outcome = library.download(modelAt(server), (event) => events.push(event));
    const arrived = { type: 'progress', loadedBytes: TOKENIZER.length + 23 + 2 * RECORD + 100 };
    await expect.poll(() => events.at(-1), { interval: 10 }).toMatchObject(arrived);
    expect(events.some(({ type }) => type === 'waiting')).toBe(false);
    valueOf(await outcome);
    const waited = events.findIndex(({ type }) => type === 'waiting');
    expect(events[waited - 1]).toMatchObject(arrived);
  });

  it('ends a download by asking for another model', async () => {
    const server = await hubWith({ [NAME]: repository(), 'owner/other': repository() });
    server.misbehave(weightsOnly({ silentAfter: 10 }, 1));
    const library = openLibrary();
    const first = library.download(modelAt(server), ignore);
    await expect.poll(() => server.served.length).toBe(3);
    const second = library.download(modelAt(server, { id: 'owner/other' }), ignore);
    expect(failureOf(await first)).toEqual({ code: 'cancelled' });
    expect(valueOf(await second).repository).toBe('owner/other');
  });
});

describe('two tabs', () => {
  it('download once: the second follows, and has the model as soon as the first', async () => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(weightsOnly({ drip: { bytes: 20_000, everyMs: 20 } }));
    const events: HubEvent[] = [];
    const first = openLibrary().download(modelAt(server), ignore);
    await expect.poll(() => server.served.length).toBeGreaterThan(0);
    const second = openLibrary().download(modelAt(server), (event) => events.push(event));
    valueOf(await first);
    valueOf(await second);
    expect(server.served).toHaveLength(3);
    expect(events[0]).toEqual({ type: 'following' });
    expect(events.filter(({ type }) => type === 'progress').length).toBeGreaterThan(0);
  });

  it('hand over: if the first cancels, the second continues after the stored records', async () => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(weightsOnly({ silentAfter: 3 * RECORD + 9 }, 1));
    const library = openLibrary();
    const first = library.download(modelAt(server), ignore);
    await expect.poll(async () => (await bytesSpace.keys(recordKey(server.endpoint, 2))).length).toBe(1);
    const second = openLibrary().download(modelAt(server), ignore);
    const refused = await openLibrary().remove({
      endpoint: server.endpoint,
      repository: NAME,
      commit: COMMIT,
    });
    expect(failureOf(refused)).toMatchObject({ code: 'bad-request' });
    library.cancel();
    expect(failureOf(await first)).toEqual({ code: 'cancelled' });
    valueOf(await second);
    expect(server.served.at(-1)?.begin).toBe(3 * RECORD);
  });

  it('can stop following', async () => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(weightsOnly({ silentAfter: 9 }));
    const library = openLibrary();
    const first = library.download(modelAt(server), ignore);
    await expect.poll(() => server.served.length).toBe(3);
    const follower = openLibrary();
    const second = follower.download(modelAt(server), ({ type }) => {
      if (type === 'following') follower.cancel();
    });
    expect(failureOf(await second)).toEqual({ code: 'cancelled' });
    library.cancel();
    await first;
  });
});
