import { describe, expect, it } from 'vitest';
import type { HubEvent } from '../../../worker/protocol/hub.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { sha256 } from '../../support/hub-server.ts';
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
  recordKey,
  repository,
  WEIGHTS,
  weightsOnly,
} from './fixture.ts';

const NEXT = 'de5'.padEnd(40, '0');
const NEW_WEIGHTS = WEIGHTS.map((byte) => (byte + 1) % 256);
const next = repository({
  commit: NEXT,
  files: new Map([...repository().files, ['model.safetensors', NEW_WEIGHTS]]),
});

/** A server whose `main` has moved since it was stored. */
async function movedOn() {
  const server = await hubWith({ [NAME]: repository() });
  const library = openLibrary();
  valueOf(await library.download(modelAt(server), ignore));
  server.put(NAME, next);
  return { server, library, model: modelAt(server) };
}

describe('a branch that has moved since it was stored', () => {
  it('loads the stored commit until the person asks for the newer one', async () => {
    const { server, library, model } = await movedOn();
    const asked = server.asked.length;
    expect(valueOf(await library.download(model, ignore)).commit).toBe(COMMIT);
    expect(sha256(await read(model, 'model.safetensors'))).toBe(sha256(WEIGHTS));
    expect(server.asked.length).toBe(asked);
  });

  it('is reported after one request', async () => {
    const { server, library, model } = await movedOn();
    const asked = server.asked.length;
    const expected = { revision: 'main', storedCommit: COMMIT, commit: NEXT };
    expect(valueOf(await library.newer(model))).toEqual(expected);
    expect(server.asked.slice(asked)).toMatchObject([
      { method: 'GET', path: `/api/models/${NAME}/revision/main` },
    ]);
  });

  it('is stored next to the older commit, which stays until it is removed', async () => {
    const { server, library, model } = await movedOn();
    const renewed = valueOf(await library.renew(model, ignore));
    expect(renewed).toMatchObject({ commit: NEXT, revision: 'main', superseded: false });
    expect(valueOf(await library.newer(model))).toBeNull();
    const older = modelAt(server, { id: `${NAME}@${COMMIT}` });
    const stored = valueOf(await library.stored());
    expect(stored).toMatchObject([
      { commit: COMMIT, superseded: true, verified: { state: 'sound' } },
      { commit: NEXT, superseded: false },
    ]);
    await server.stop();
    expect(sha256(await read(model, 'model.safetensors'))).toBe(sha256(NEW_WEIGHTS));
    expect(sha256(await read(older, 'model.safetensors'))).toBe(sha256(WEIGHTS));
    // A model that was loaded earlier keeps reading its own files.
    expect(sha256(await read({ ...model, commit: COMMIT }, 'model.safetensors'))).toBe(sha256(WEIGHTS));
    valueOf(await library.remove({ endpoint: model.endpoint, repository: NAME, commit: COMMIT }));
    expect(sha256(await read(model, 'model.safetensors'))).toBe(sha256(NEW_WEIGHTS));
  });

  it('copies unchanged weights from the older commit up to the first damaged record', async () => {
    const { server, library, model } = await movedOn();
    server.put(NAME, repository({ commit: NEXT }));
    const served = server.served.length;
    const damaged = await bytesSpace.get(recordKey(server.endpoint, 3));
    if (!damaged) throw new Error('no such record');
    damaged[5] = ((damaged[5] ?? 0) + 1) % 256;
    await bytesSpace.set(recordKey(server.endpoint, 3), damaged);
    const progress: HubEvent[] = [];
    const renewed = valueOf(await library.renew(model, (event) => progress.push(event)));
    const { totalBytes } = renewed;
    expect(progress.at(-1)).toEqual({ type: 'progress', loadedBytes: totalBytes, totalBytes });
    expect(server.served.slice(served)).toMatchObject([
      { file: 'config.json' },
      { file: 'tokenizer.json' },
      { file: 'model.safetensors', begin: 3 * RECORD },
    ]);
    expect(sha256(await read(model, 'model.safetensors'))).toBe(sha256(WEIGHTS));
  });

  it('loads the stored commit if the newer one is incomplete', async () => {
    const { server, library, model } = await movedOn();
    server.misbehave(weightsOnly({ status: 403 }));
    expect((await library.renew(model, ignore)).ok).toBe(false);
    expect(sha256(await read(model, 'model.safetensors'))).toBe(sha256(WEIGHTS));
    expect(valueOf(await library.stored())).toMatchObject([
      { commit: COMMIT, superseded: false },
      { commit: NEXT, superseded: false, verified: { state: 'incomplete' } },
    ]);
  });
});

describe('nothing newer is reported', () => {
  it('if the branch has not moved', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    valueOf(await library.download(modelAt(server), ignore));
    expect(valueOf(await library.newer(modelAt(server)))).toBeNull();
  });

  it('and nothing is requested for a commit, full or abbreviated, or if nothing is stored', async () => {
    const { server, library } = await movedOn();
    const asked = server.asked.length;
    for (const id of [`${NAME}@${COMMIT}`, `${NAME}@${COMMIT.slice(0, 7)}`, `${NAME}@other`]) {
      expect(valueOf(await library.newer(modelAt(server, { id })))).toBeNull();
    }
    expect(server.asked.length).toBe(asked);
  });

  it.each([
    ['sends an unreadable answer', everything({ noCors: true, status: 500 })],
    ['is overloaded', everything({ status: 429, headers: { 'retry-after': '1' } })],
    ['now requires a token', everything({ status: 401 })],
  ])('and the request is not repeated if the server %s', async (_, mischief) => {
    const { server, model } = await movedOn();
    const { waits, clock } = noWaits();
    server.misbehave(mischief);
    const asked = server.asked.length;
    expect((await openLibrary({ clock }).newer(model)).ok).toBe(false);
    expect(server.asked.length).toBe(asked + 1);
    expect(waits).toEqual([]);
  });

  it('without a network', async () => {
    const { server, library, model } = await movedOn();
    await server.stop();
    expect(failureOf(await library.newer(model))).toMatchObject({ code: 'cancelled' });
  });
});
