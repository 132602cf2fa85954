import { describe, expect, it } from 'vitest';
import { openHubSource } from '../../../worker/hub/hub-source.ts';
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
  never,
  openLibrary,
  read,
  RECORD,
  recordKey,
  repository,
  TOKENIZER,
  WEIGHTS,
  weightsOnly,
} from './fixture.ts';

describe('a model from the Hub', () => {
  it('is stored byte for byte, with the files that it needs and no others', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    const events: HubEvent[] = [];
    const stored = valueOf(await library.download(modelAt(server), (event) => events.push(event)));
    const totalBytes = WEIGHTS.length + TOKENIZER.length + 23;
    expect(stored).toMatchObject({ commit: COMMIT, files: 3, totalBytes, storedBytes: totalBytes });
    expect(stored.verified).toMatchObject({ state: 'sound' });
    expect(events.at(-1)).toEqual({ type: 'progress', loadedBytes: totalBytes, totalBytes });
    expect(new Set(server.served.map(({ file }) => file))).toEqual(
      new Set(['config.json', 'tokenizer.json', 'model.safetensors']),
    );
    expect(sha256(await read(modelAt(server), 'model.safetensors'))).toBe(sha256(WEIGHTS));
    const begin = 2 * RECORD + 17;
    expect(sha256(await read(modelAt(server), 'model.safetensors', begin))).toBe(
      sha256(WEIGHTS.subarray(begin)),
    );
    const source = await openHubSource(modelAt(server), never);
    expect(await source.text('tokenizer.json')).toBe(new TextDecoder().decode(TOKENIZER));
    expect(await source.text('README.md')).toBeNull();
    expect(await source.open('pytorch_model.bin')).toBeNull();
  });

  it('loads from the device afterwards, without a request', async () => {
    const server = await hubWith({ [NAME]: repository() });
    valueOf(await openLibrary().download(modelAt(server), ignore));
    const asked = server.asked.length;
    await server.stop();
    valueOf(await openLibrary().download(modelAt(server), ignore));
    expect((await read(modelAt(server), 'model.safetensors')).length).toBe(WEIGHTS.length);
    // By its commit as well.
    valueOf(await openLibrary().download(modelAt(server, { id: `${NAME}@${COMMIT}` }), ignore));
    expect(server.asked.length).toBe(asked);
  });

  it('is fetched once for two revisions of one commit', async () => {
    const server = await hubWith({ [NAME]: repository({ revisions: ['v1'] }) });
    valueOf(await openLibrary().download(modelAt(server), ignore));
    const served = server.served.length;
    valueOf(await openLibrary().download(modelAt(server, { id: `${NAME}@v1` }), ignore));
    expect(server.served.length).toBe(served);
    expect((await read(modelAt(server, { id: `${NAME}@v1` }), 'config.json')).length).toBe(23);
  });

  it('in shards is fetched by its index', async () => {
    const index = {
      weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-1.safetensors' },
    };
    const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
    const files = new Map([
      ['config.json', text({})],
      ['model.safetensors.index.json', text(index)],
      ['model-1.safetensors', WEIGHTS],
      ['model-2.safetensors', WEIGHTS.subarray(7)],
      ['other.safetensors', WEIGHTS],
    ]);
    const server = await hubWith({ [NAME]: repository({ files }) });
    const stored = valueOf(await openLibrary().download(modelAt(server), ignore));
    expect(stored.files).toBe(4);
    expect(sha256(await read(modelAt(server), 'model-2.safetensors'))).toBe(sha256(WEIGHTS.subarray(7)));

    files.set('model.safetensors.index.json', text({ weight_map: { a: '../../x.safetensors' } }));
    server.put(NAME, repository({ files, commit: 'd'.repeat(40) }));
    expect(failureOf(await openLibrary().look(modelAt(server)))).toMatchObject({ code: 'bad-weights' });
    files.set('model.safetensors.index.json', text({ weight_map: { a: 'absent.safetensors' } }));
    expect(failureOf(await openLibrary().look(modelAt(server)))).toMatchObject({
      code: 'bad-weights',
      reason: expect.stringContaining('absent.safetensors') as string,
    });
  });

  it.each([
    [{ model_type: 'gemma2' }, { field: 'model_type' }],
    [
      { model_type: 'llama', quantization_config: { quant_method: 'gptq', bits: 4 } },
      { field: 'quantization_config' },
    ],
    [{ model_type: 'qwen3', quantization: { group_size: 64, bits: 4 } }, { field: 'quantization' }],
  ])(
    'that kvtab cannot run is refused before its weights are fetched, and not kept: %j',
    async (config, said) => {
      const { files } = repository();
      const json = new TextEncoder().encode(JSON.stringify(config));
      const server = await hubWith({
        [NAME]: repository({ files: new Map([...files, ['config.json', json]]) }),
      });
      const library = openLibrary();
      const refused = failureOf(await library.download(modelAt(server), ignore));
      expect(refused).toMatchObject({ code: 'bad-config', file: 'config.json', ...said });
      expect(server.served.map(({ file }) => file)).toEqual(['config.json']);
      expect(valueOf(await library.stored())).toEqual([]);
    },
  );

  it('is listed while it is incomplete, and leaves nothing behind when it is removed', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    let broken = 0;
    const stopping = openLibrary({
      clock: { sleep: () => (broken++, Promise.reject(new Error('cut'))) },
      stallMs: 1000,
    });
    server.misbehave(weightsOnly({ status: 503 }));
    expect(failureOf(await stopping.download(modelAt(server), ignore))).toMatchObject({ status: 503 });
    expect(broken).toBe(5);
    const [partial] = valueOf(await library.stored());
    expect(partial).toMatchObject({ storedAtMs: null, verified: { state: 'incomplete' } });
    expect(partial?.storedBytes).toBe(TOKENIZER.length + 23);

    server.misbehave(() => null);
    const stored = valueOf(await library.download(modelAt(server), ignore));
    valueOf(await library.remove(stored));
    expect(valueOf(await library.stored())).toEqual([]);
    expect(await bytesSpace.keys()).toEqual([]);
    await expect(openHubSource(modelAt(server), never)).rejects.toMatchObject({
      failure: { code: 'not-stored' },
    });
  });
});

describe('without storing', () => {
  it('a model is verified as it streams, and only what is not stored is fetched', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    server.misbehave(weightsOnly({ silentAfter: 2 * RECORD + 100 }, 1));
    const outcome = library.download(modelAt(server), ignore);
    await expect.poll(async () => (await bytesSpace.keys(recordKey(server.endpoint, 1))).length).toBe(1);
    library.cancel();
    await outcome;
    const served = server.served.length;
    const model = modelAt(server, { keep: false });
    expect(sha256(await read(model, 'model.safetensors'))).toBe(sha256(WEIGHTS));
    expect(server.served.slice(served)).toMatchObject([{ file: 'model.safetensors', begin: 2 * RECORD }]);
    const begin = 4 * RECORD + 11;
    expect(sha256(await read(model, 'model.safetensors', begin))).toBe(sha256(WEIGHTS.subarray(begin)));
    expect(await bytesSpace.keys(recordKey(server.endpoint, 2))).toEqual([]);
  });

  it('wrong bytes are refused at the end of the file', async () => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(weightsOnly({ wrongByteAt: 17 }));
    await expect(read(modelAt(server, { keep: false }), 'model.safetensors')).rejects.toMatchObject({
      failure: { code: 'damaged-file' },
    });
  });

  it('a stopped load closes the connection', async () => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(weightsOnly({ silentAfter: 17 }));
    const stop = new AbortController();
    const source = await openHubSource(modelAt(server, { keep: false }), stop.signal);
    const opened = await source.open('model.safetensors');
    const reading = (async () => {
      for (;;) if ((await opened?.chunks.next())?.done !== false) return 'ended';
    })();
    await expect.poll(() => server.served.length).toBe(1);
    stop.abort();
    await expect(reading).rejects.toMatchObject({ failure: { code: 'cancelled' } });
  });
});
