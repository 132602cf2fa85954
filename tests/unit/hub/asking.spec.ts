import { describe, expect, it } from 'vitest';
import { openHubSource } from '../../../worker/hub/hub-source.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { requestsTo, type Request, type RequestsOf } from '../../../worker/request.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import { sha256, type Asked, type HubServer, type Mischief } from '../../support/hub-server.ts';
import {
  everything,
  failureOf,
  hubWith,
  ignore,
  modelAt,
  NAME,
  never,
  noWaits,
  openLibrary,
  read,
  RECORD,
  repository,
  TOKENIZER,
  WEIGHTS,
  weightsOnly,
} from './fixture.ts';

/** Much longer than the pauses of a slowly dripping server, even on a busy machine. */
const STALL_MS = 600;

/** Requests of the worker, with some changes. */
const doorWith =
  (change: (request: Request) => Request): RequestsOf =>
  (...door) =>
    change(requestsTo(...door));

/** A browser says of a failed request only that it failed. */
const silentFailures = doorWith((request) => async (url, init) => {
  try {
    return await request(url, init);
  } catch (error) {
    throw error instanceof TypeError ? new TypeError('Failed to fetch') : error;
  }
});

/** In a browser, no page can read whether a body from another origin is compressed. */
const hiddenEncoding = doorWith((request) => async (url, init) => {
  const { body, status, headers } = await request(url, init);
  const shown = new Headers(headers);
  shown.delete('content-encoding');
  return new Response(body, { status, headers: shown });
});

const api = ({ path }: Asked) => path.startsWith('/api/');
const onlyApi = (mischief: Mischief, times = Infinity) => {
  let left = times;
  return (asked: Asked) => (api(asked) && left-- > 0 ? mischief : null);
};
const onlyFile = (file: string, mischief: Mischief, times = Infinity) => {
  let left = times;
  return ({ path }: Asked) =>
    path.endsWith(`/${file}`) && !path.includes('/resolve/') && left-- > 0 ? mischief : null;
};

async function hub(mischief: (asked: Asked) => Mischief | null): Promise<HubServer> {
  const server = await hubWith({ [NAME]: repository() });
  server.misbehave(mischief);
  return server;
}

const isRight = async (server: HubServer) => {
  expect(sha256(await read(modelAt(server), 'model.safetensors'))).toBe(sha256(WEIGHTS));
  expect(sha256(await read(modelAt(server), 'tokenizer.json'))).toBe(sha256(TOKENIZER));
};
const weightsServed = ({ served }: HubServer) =>
  served.filter(({ file }) => file === 'model.safetensors').map(({ begin }) => begin);

describe('a request to a server', () => {
  it.each<readonly [string, Mischief]>([
    ['never answers', { never: true }],
    ['drips', { drip: { bytes: 1, everyMs: 30 } }],
    ['stops in the middle of its answer', { silentAfter: 5 }],
  ])('that %s ends with an explanation soon after the stall timeout', async (_, mischief) => {
    const server = await hub(onlyApi(mischief));
    const startMs = performance.now();
    const outcome = await openLibrary({ stallMs: STALL_MS }).look(modelAt(server));
    expect(failureOf(outcome)).toMatchObject({
      code: 'download-failed',
      reason: expect.stringContaining('did not answer within') as string,
    });
    // Not after the usual timeout of 30 s. A busy machine takes its time.
    expect(performance.now() - startMs).toBeLessThan(25 * STALL_MS);
    expect(server.asked.length).toBeLessThanOrEqual(3);
  });

  it('with an endless answer stops at the size limit, and is not repeated', async () => {
    const server = await hub(onlyApi({ endless: true }));
    expect(failureOf(await openLibrary().download(modelAt(server), ignore))).toMatchObject({
      code: 'download-failed',
      reason: expect.stringContaining(`more than ${16 * 2 ** 20} bytes`) as string,
    });
    expect(server.asked).toHaveLength(1);
  });

  it.each(['look', 'download', 'newer'] as const)('ends on Cancel: %s', async (verb) => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    if (verb === 'newer') valueOf(await library.download(modelAt(server), ignore));
    const soFar = server.asked.length;
    server.misbehave(onlyApi({ never: true }));
    const outcome = library[verb](modelAt(server), ignore);
    await expect.poll(() => server.asked.length).toBe(soFar + 1);
    library.cancel();
    expect(failureOf(await outcome)).toEqual({ code: 'cancelled' });
    expect(server.asked).toHaveLength(soFar + 1);
  });

  it('is repeated if its JSON is cut short', async () => {
    const server = await hub(onlyApi({ truncateTo: 20 }, 2));
    valueOf(await openLibrary().download(modelAt(server), ignore));
    await isRight(server);
  });

  it('fails after three answers with truncated JSON', async () => {
    const server = await hub(onlyApi({ truncateTo: 20 }));
    expect(failureOf(await openLibrary().download(modelAt(server), ignore))).toMatchObject({
      code: 'download-failed',
      reason: expect.stringContaining('cut short') as string,
    });
    expect(server.asked).toHaveLength(3);
  });

  it('is repeated if the connection breaks within the answer', async () => {
    const server = await hub(onlyApi({ cutAfter: 20 }, 2));
    valueOf(await openLibrary().download(modelAt(server), ignore));
  });

  it.each<readonly [string, (asked: Asked) => Mischief | null, number]>([
    ['a list', everything({ webPage: true }), 1],
    ['a file', onlyFile('tokenizer.json', { webPage: true }), 6],
  ])('that gets a login page instead of %s reports that at once', async (_, mischief, asked) => {
    const server = await hub(mischief);
    const { waits, clock } = noWaits();
    expect(failureOf(await openLibrary({ clock }).download(modelAt(server), ignore))).toMatchObject({
      code: 'hub-refused',
      why: 'web-page',
    });
    expect(waits).toEqual([]);
    expect(server.asked).toHaveLength(asked);
  });

  it.each<readonly [string, RequestsOf, (asked: Asked) => Mischief | null, readonly number[]]>([
    ['a list, in Node', requestsTo, onlyApi({ redirectLoop: true }), []],
    ['a list, in a browser', silentFailures, onlyApi({ redirectLoop: true }), []],
    ['a file, in Node', requestsTo, (asked) => (api(asked) ? null : { redirectLoop: true }), []],
    ['a file, in a browser', silentFailures, (asked) => (api(asked) ? null : { redirectLoop: true }), [500]],
  ])('ends if it is redirected in a circle: %s', async (_, requestsOf, mischief, expected) => {
    const server = await hub(mischief);
    const { waits, clock } = noWaits();
    const outcome = await openLibrary({ requestsOf, clock }).download(modelAt(server), ignore);
    expect(failureOf(outcome)).toMatchObject({
      code: 'download-failed',
      reason: expect.stringContaining('redirects in a circle') as string,
    });
    expect(waits).toEqual(expected);
  });

  it('is repeated if it cannot reach the server, because the network may come back', async () => {
    const server = await hub(onlyApi({ noCors: true }));
    const { waits, clock } = noWaits();
    await server.stop();
    const library = openLibrary({ requestsOf: silentFailures, clock });
    expect(failureOf(await library.download(modelAt(server), ignore))).toMatchObject({
      reason: expect.stringContaining('could not be reached') as string,
    });
    expect(waits).toHaveLength(5);
  });
});

describe('a file', () => {
  it('is fetched whole after two tries if the redirect forbids Range', async () => {
    const server = await hub(weightsOnly({ cutAfter: 2 * RECORD + 7 }, 1));
    const requestsOf = doorWith(
      (request) => (url, init) =>
        new Headers(init?.headers).has('range')
          ? Promise.reject(new TypeError('Failed to fetch'))
          : request(url, init),
    );
    valueOf(await openLibrary({ requestsOf }).download(modelAt(server), ignore));
    await isRight(server);
    expect(weightsServed(server)).toEqual([0, 0]);
  });

  it.each<readonly [string, RequestsOf]>([
    ['in Node', requestsTo],
    ['in a browser, which hides that', hiddenEncoding],
  ])('that arrives compressed is stored correctly, %s', async (_, requestsOf) => {
    const server = await hub((asked) => (api(asked) ? null : { gzip: true }));
    valueOf(await openLibrary({ requestsOf }).download(modelAt(server), ignore));
    await isRight(server);
  });

  it('is fetched whole if its ranges are those of the compressed form', async () => {
    const cut = weightsOnly({ cutAfter: 2 * RECORD + 7 }, 1);
    const server = await hub((asked) => cut(asked) ?? (api(asked) ? null : { gzip: true, gzipRanges: true }));
    valueOf(await openLibrary().download(modelAt(server), ignore));
    await isRight(server);
  });

  it('outside LFS is checked against the Git object id, and fetched again if it differs', async () => {
    const server = await hub(onlyFile('tokenizer.json', { wrongByteAt: 77 }, 1));
    valueOf(await openLibrary().download(modelAt(server), ignore));
    await isRight(server);
    expect(server.served.filter(({ file }) => file === 'tokenizer.json')).toHaveLength(2);
  });

  it.each(['config.json', 'tokenizer.json'])('outside LFS is refused if it stays wrong: %s', async (file) => {
    const server = await hub(onlyFile(file, { wrongByteAt: 1 }));
    const damaged = { code: 'damaged-file', file };
    expect(failureOf(await openLibrary().download(modelAt(server), ignore))).toMatchObject(damaged);
    const source = await openHubSource(modelAt(server, { keep: false }), never);
    await expect(source.text(file)).rejects.toMatchObject({ failure: damaged });
  });
});

describe('names of a repository that differ in capitals', () => {
  const OTHER = 'OWNER/Small-MODEL';

  it('are one model, under the name that the server uses', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const library = openLibrary();
    const stored = valueOf(await library.download(modelAt(server, { id: OTHER }), ignore));
    expect(stored.repository).toBe(NAME);
    const asked = server.asked.length;
    valueOf(await library.download(modelAt(server), ignore));
    valueOf(await library.download(modelAt(server, { id: `${OTHER}@main` }), ignore));
    expect(server.asked).toHaveLength(asked);
    expect(valueOf(await library.stored())).toHaveLength(1);
    expect((await read(modelAt(server, { id: OTHER }), 'config.json')).length).toBe(23);
    valueOf(await library.remove(stored));
    expect(valueOf(await library.stored())).toEqual([]);
  });

  it('are also one if an older version of the page has stored the model', async () => {
    const server = await hubWith({ [NAME]: repository() });
    valueOf(await openLibrary().download(modelAt(server), ignore));
    await openSpace('model-name-1', (_): _ is unknown => true).remove();
    expect((await read(modelAt(server, { id: OTHER }), 'config.json')).length).toBe(23);
  });

  it('an invalid name is refused', async () => {
    const server = await hubWith({ [NAME]: repository() });
    const requestsOf: RequestsOf = () => () =>
      Promise.resolve(new Response('{"sha": "c0ffee0", "id": "../../other"}'));
    expect(failureOf(await openLibrary({ requestsOf }).look(modelAt(server)))).toMatchObject({
      reason: expect.stringContaining('owner/name') as string,
    });
  });
});
