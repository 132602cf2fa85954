import { describe, expect, it } from 'vitest';
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
  WEIGHTS,
  weightsOnly,
} from './fixture.ts';

describe('a stored model', () => {
  const corrupt = async (endpoint: string, index: number, at: number) => {
    const bytes = await bytesSpace.get(recordKey(endpoint, index));
    if (!bytes) throw new Error('no such record');
    bytes[at] = ((bytes[at] ?? 0) + 1) % 256;
    await bytesSpace.set(recordKey(endpoint, index), bytes);
  };

  it('is checked without a request if it is sound', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    valueOf(await library.download(modelAt(server), ignore));
    await server.stop();
    const checked = valueOf(await library.check(modelAt(server), ignore));
    expect(checked.verified).toMatchObject({ state: 'sound', repairedBytes: 0 });
  });

  it.each([
    ['other bytes', (endpoint: string) => corrupt(endpoint, 2, 5)],
    ['no bytes', (endpoint: string) => bytesSpace.remove(recordKey(endpoint, 2))],
    ['fewer bytes', (endpoint: string) => bytesSpace.set(recordKey(endpoint, 2), new Uint8Array(9))],
  ])('with a record of %s fetches that record again and nothing else', async (_, damage) => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    valueOf(await library.download(modelAt(server), ignore));
    const served = server.served.length;
    await damage(server.endpoint);
    const checked = valueOf(await library.check(modelAt(server), ignore));
    expect(checked.verified).toMatchObject({ state: 'sound', repairedBytes: RECORD });
    expect(server.served.slice(served)).toMatchObject([
      { file: 'model.safetensors', range: `bytes=${2 * RECORD}-${3 * RECORD - 1}` },
    ]);
    expect(sha256(await read(modelAt(server), 'model.safetensors'))).toBe(sha256(WEIGHTS));
  });

  it('is listed as damaged if a record arrives bad again, and whole after the next download', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    valueOf(await library.download(modelAt(server), ignore));
    await corrupt(server.endpoint, 1, 0);
    server.misbehave(weightsOnly({ wrongByteAt: RECORD + 1 }));
    expect(failureOf(await library.check(modelAt(server), ignore))).toMatchObject({
      code: 'damaged-file',
      file: 'model.safetensors',
    });
    expect(valueOf(await library.stored())[0]?.verified).toEqual({
      state: 'damaged',
      file: 'model.safetensors',
    });
    server.misbehave(() => null);
    const again = valueOf(await library.download(modelAt(server), ignore));
    expect(again.verified).toMatchObject({ state: 'sound' });
    expect(sha256(await read(modelAt(server), 'model.safetensors'))).toBe(sha256(WEIGHTS));
  });

  it('reports a lost record when it is loaded', async () => {
    const server = await hubWith({ [NAME]: repository() });
    valueOf(await openLibrary().download(modelAt(server), ignore));
    await bytesSpace.remove(recordKey(server.endpoint, 3));
    await expect(read(modelAt(server), 'model.safetensors')).rejects.toMatchObject({
      failure: { code: 'damaged-file' },
    });
  });

  it('has its small files checked as well', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    valueOf(await library.download(modelAt(server), ignore));
    const key = [server.endpoint, NAME, COMMIT, 'config.json', 0];
    await bytesSpace.set(key, new TextEncoder().encode('{"model_type": "lllma"}'));
    expect(valueOf(await library.check(modelAt(server), ignore)).verified).toMatchObject({
      repairedBytes: 23,
    });
  });
});
