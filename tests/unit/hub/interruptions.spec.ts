import { afterEach, describe, expect, it } from 'vitest';
import { valueOf } from '../../../worker/outcome.ts';
import { requestsTo, type RequestsOf } from '../../../worker/request.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import { sha256, type HubServer } from '../../support/hub-server.ts';
import { MemoryLocks } from '../../support/memory-locks.ts';
import {
  bytesSpace,
  COMMIT,
  hubWith,
  ignore,
  modelAt,
  NAME,
  openLibrary,
  read,
  RECORD,
  repository,
  TOKENIZER,
  WEIGHTS,
} from './fixture.ts';
import { fc } from '../../support/seeded-properties.ts';

const SEED = 20261121;
const POINTS = 20;
const CONFIG_BYTES = 23;
const TOTAL = WEIGHTS.length + TOKENIZER.length + CONFIG_BYTES;
const files = ['config.json', 'tokenizer.json', 'model.safetensors'];

const manifestSpace = openSpace('model-manifest-1', (_): _ is unknown => true);

/** How many bytes of each file are stored in whole records. */
async function storedEnds(server: HubServer): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>();
  for (const file of files) {
    const records = await bytesSpace.entries([server.endpoint, NAME, COMMIT, file]);
    ends.set(
      file,
      records.reduce((sum, [, { length }]) => sum + length, 0),
    );
  }
  return ends;
}

/** Downloads the rest, and expects every request to start where the stored records end. */
async function finishAndHold(server: HubServer): Promise<void> {
  const ends = await storedEnds(server);
  const servedBefore = server.served.length;
  valueOf(await openLibrary({ locks: locksOfOneTab() }).download(modelAt(server), ignore));
  for (const { file, begin } of server.served.slice(servedBefore)) {
    expect(`${file} from ${begin}`).toBe(`${file} from ${String(ends.get(file))}`);
  }
  expect(sha256(await read(modelAt(server), 'model.safetensors'))).toBe(sha256(WEIGHTS));
  expect(sha256(await read(modelAt(server), 'tokenizer.json'))).toBe(sha256(TOKENIZER));
}

/** The locks of a killed tab end with it. */
const locksOfOneTab = () => new MemoryLocks() as unknown as LockManager;

/** The requests of a tab that is killed after this many bytes of files. Nothing arrives after that. */
function killedAfter(bytes: number, killed: () => void): RequestsOf {
  let left = bytes;
  const dead = () => {
    killed();
    return new Promise<never>(() => undefined);
  };
  return (...door) => {
    const request = requestsTo(...door);
    return async (url, init) => {
      if (left <= 0) return dead();
      const response = await request(url, init);
      if (!String(url).includes('/resolve/') || !response.body) return response;
      const reader = response.body.getReader();
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          if (left <= 0) return dead();
          const next = await reader.read();
          if (next.done) {
            controller.close();
            return;
          }
          controller.enqueue(next.value.subarray(0, left));
          left -= next.value.length;
        },
      });
      return new Response(body, { status: response.status, headers: response.headers });
    };
  };
}

async function liveAndDie(server: HubServer, bytes: number): Promise<void> {
  await new Promise<void>((killed) => {
    const requestsOf = killedAfter(bytes, killed);
    void openLibrary({ requestsOf, locks: locksOfOneTab() }).download(modelAt(server), ignore);
  });
}

describe('a tab that is killed', () => {
  const points = fc.sample(fc.integer({ min: 0, max: TOTAL - 1 }), { seed: SEED, numRuns: POINTS });

  it.each(points)('at byte %d loses no stored byte, and the next tab stores the same', async (bytes) => {
    const server = await hubWith({ [NAME]: repository() });
    await liveAndDie(server, bytes);
    expect(await manifestSpace.keys()).toEqual([]);
    await finishAndHold(server);
  });

  it('again and again loses less than a record each time, and the last tab stores the same', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const lives = fc.sample(fc.integer({ min: RECORD / 2, max: 2 * RECORD }), { seed: SEED, numRuns: 4 });
    for (const bytes of lives) await liveAndDie(server, bytes);
    await finishAndHold(server);
    const begun = server.served.map(({ begin }) => begin);
    expect(begun.every((begin) => begin % RECORD === 0)).toBe(true);
  });
});

describe('a device that is full', () => {
  const { prototype } = IDBObjectStore;
  const put = Object.getOwnPropertyDescriptor(prototype, 'put') ?? {};
  afterEach(() => {
    Object.defineProperty(prototype, 'put', put);
  });

  /** Like a browser: refuses writes beyond the limit, and keeps what is stored. */
  function limitStorage(limit: number): void {
    const real = put.value as IDBObjectStore['put'];
    let used = 0;
    prototype.put = function (value: unknown, key?: IDBValidKey) {
      if (value instanceof Uint8Array) {
        if (used + value.length > limit) throw new DOMException('', 'QuotaExceededError');
        used += value.length;
      }
      return real.call(this, value, key);
    };
  }

  const limits = fc.sample(fc.integer({ min: 0, max: TOTAL - 1 }), { seed: SEED + 1, numRuns: POINTS });

  it.each(limits)(
    'after %d bytes says how much room is missing, keeps what it has, and continues later',
    async (limit) => {
      const server = await hubWith({ [NAME]: repository() });
      limitStorage(limit);
      const outcome = await openLibrary().download(modelAt(server), ignore);
      const stored = [...(await storedEnds(server)).values()].reduce((sum, bytes) => sum + bytes, 0);
      expect(stored).toBeLessThanOrEqual(limit);
      expect(stored).toBeGreaterThan(limit - RECORD);
      expect(outcome).toMatchObject({ ok: false, failure: { code: 'no-room', neededBytes: TOTAL - stored } });
      expect(await manifestSpace.keys()).toEqual([]);
      Object.defineProperty(prototype, 'put', put);
      await finishAndHold(server);
    },
  );

  it('is reported before the first byte if the browser says how much room there is', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const room = () => Promise.resolve(TOTAL - 1);
    const outcome = await openLibrary({ room }).download(modelAt(server), ignore);
    expect(outcome).toMatchObject({
      failure: { code: 'no-room', neededBytes: TOTAL, availableBytes: TOTAL - 1 },
    });
    expect(server.served).toEqual([]);
    valueOf(await openLibrary({ room: () => Promise.resolve(TOTAL) }).download(modelAt(server), ignore));
  });
});
