import { describe, expect, it } from 'vitest';
import type { HubEvent } from '../../../worker/protocol/hub.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { sha256, type Asked, type Mischief } from '../../support/hub-server.ts';
import {
  bytesSpace,
  COMMIT,
  everything,
  failureOf,
  hubWith,
  ignore,
  modelAt,
  NAME,
  noWaits,
  openLibrary,
  read,
  RECORD,
  repository,
  WEIGHTS,
  weightsOnly,
} from './fixture.ts';

describe('a server that misbehaves', () => {
  const fetchWith = async (mischief: (asked: Asked) => Mischief | null, parts = {}) => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(mischief);
    const time = noWaits();
    const events: HubEvent[] = [];
    const outcome = await openLibrary({ clock: time.clock, ...parts }).download(modelAt(server), (event) =>
      events.push(event),
    );
    return { server, outcome, events, waits: time.waits };
  };
  const isRight = async ({ server, outcome }: Awaited<ReturnType<typeof fetchWith>>) => {
    valueOf(outcome);
    expect(sha256(await read(modelAt(server), 'model.safetensors'))).toBe(sha256(WEIGHTS));
  };

  it('is asked for the rest with Range after every cut, however many there are', async () => {
    const got = await fetchWith(weightsOnly({ cutAfter: 40_001 }));
    await isRight(got);
    const begins = got.server.served.filter(({ file }) => file === 'model.safetensors');
    expect(begins.map(({ begin }) => begin)).toEqual(begins.map((_, cuts) => cuts * 40_001));
    // More cuts than tries: bytes that arrive in between reset the count.
    expect(got.waits).toEqual(Array<number>(8).fill(500));
  });

  it('is asked for the whole file again if it does not support Range', async () => {
    const cutOnce = weightsOnly({ cutAfter: 2 * RECORD + 7 }, 1);
    const got = await fetchWith((asked) => ({ noRange: true, ...cutOnce(asked) }));
    await isRight(got);
    const weights = got.server.served.filter(({ file }) => file === 'model.safetensors');
    expect(weights.map(({ begin }) => begin)).toEqual([0, 0]);
  });

  it('is asked for the whole file if it answers a Range with 416', async () => {
    const cutOnce = weightsOnly({ cutAfter: 3 * RECORD }, 1);
    const got = await fetchWith((asked) => cutOnce(asked) ?? (asked.range === null ? null : { status: 416 }));
    await isRight(got);
  });

  it('is asked again after 500, and after 429 once its Retry-After has passed', async () => {
    const answers: Mischief[] = [{ status: 500 }, { status: 429, headers: { 'retry-after': '7' } }];
    const got = await fetchWith((asked) => weightsOnly({})(asked) && (answers.shift() ?? null));
    await isRight(got);
    expect(got.waits).toEqual([500, 7000]);
    expect(got.events).toContainEqual({ type: 'waiting', reason: 'the server answered 429', forMs: 7000 });
  });

  it('is not asked again if its Retry-After is an hour', async () => {
    const got = await fetchWith(everything({ status: 429, headers: { 'retry-after': '3600' } }));
    expect(failureOf(got.outcome)).toMatchObject({ status: 429, retryAfterSec: 3600 });
    expect(got.waits).toEqual([]);
  });

  it('is given up after five increasing waits if it always answers 503', async () => {
    const got = await fetchWith(everything({ status: 503 }));
    expect(failureOf(got.outcome)).toMatchObject({ code: 'download-failed', status: 503 });
    expect(got.waits).toEqual([500, 1000, 2000, 4000, 8000]);
  });

  it('is given up if it redirects in a circle', async () => {
    const got = await fetchWith(everything({ redirectLoop: true }));
    expect(failureOf(got.outcome)).toMatchObject({ code: 'download-failed', status: 0 });
  });

  it('is asked once more if it sends a wrong byte, and the correct bytes are kept', async () => {
    const got = await fetchWith(weightsOnly({ wrongByteAt: 3 * RECORD + 3 }, 1));
    await isRight(got);
    expect(got.server.served.filter(({ file }) => file === 'model.safetensors')).toHaveLength(2);
  });

  it('is reported if it sends a wrong byte twice, and nothing of the file is kept', async () => {
    const got = await fetchWith(weightsOnly({ wrongByteAt: 3 * RECORD + 3 }));
    expect(failureOf(got.outcome)).toMatchObject({ code: 'damaged-file', file: 'model.safetensors' });
    expect(got.server.served.filter(({ file }) => file === 'model.safetensors')).toHaveLength(2);
    expect(await bytesSpace.keys([got.server.endpoint, NAME, COMMIT, 'model.safetensors'])).toEqual([]);
    // The next visit finds a healthy server.
    got.server.misbehave(() => null);
    valueOf(await openLibrary().download(modelAt(got.server), ignore));
  });

  it.each([
    ['longer', { longerBy: 10 }],
    ['shorter', { longerBy: -10 }],
  ])('is reported if a file is %s than it lists', async (_, mischief) => {
    const got = await fetchWith(weightsOnly(mischief));
    expect(failureOf(got.outcome)).toMatchObject({
      code: 'download-failed',
      file: 'model.safetensors',
      reason: expect.stringMatching(/lists/) as string,
    });
  });

  it('is asked for the rest if it stops sending', async () => {
    const got = await fetchWith(weightsOnly({ silentAfter: RECORD + 9 }, 1), { stallMs: 150 });
    await isRight(got);
    expect(got.server.served.at(-1)).toMatchObject({ begin: RECORD + 9 });
  });

  it('is not given up while a file arrives slowly', async () => {
    const got = await fetchWith(weightsOnly({ drip: { bytes: 20_000, everyMs: 20 } }), { stallMs: 150 });
    await isRight(got);
    expect(got.server.served.filter(({ file }) => file === 'model.safetensors')).toHaveLength(1);
  });
});
