import { createServer, type Server } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openProcessorBackend } from '../../../gpu/wasm/backend.ts';
import { ShippedKeeper } from '../../../worker/hub/shipped-keeper.ts';
import { keepModels, keptOf, type KeepOptions } from '../../../worker/loader/keep-shipped.ts';
import { loadModel } from '../../../worker/loader/load-model.ts';
import { openPageSource } from '../../../worker/loader/page-source.ts';
import { Refused, valueOf } from '../../../worker/outcome.ts';
import type { ShippedFiles } from '../../../worker/protocol/keep.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

const lckv: ShippedFiles = { id: 'fairy-lckv', kernels: ['less-h2o-12.safetensors'] };
const llama: ShippedFiles = { id: 'fairy-llama', kernels: [] };

let server: Server;
let pageUrl = '';
let asked: string[] = [];
/** Answers a request itself, if it returns true. */
let meddle: (path: string) => number | null = () => null;
let cache: Map<string, Response>;
let full = false;

beforeEach(async () => {
  asked = [];
  meddle = () => null;
  full = false;
  server = createServer((request, response) => {
    const path = (request.url ?? '').replace('/lab/', '');
    // Browsers have the list from before.
    if (path !== 'models/index.json') asked.push(path);
    const status = meddle(path);
    const file = `public/${path}`;
    if (status !== null) response.writeHead(status).end();
    else if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  pageUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lab/`;
  cache = new Map();
  vi.stubGlobal('caches', {
    open: () =>
      Promise.resolve({
        put: (url: URL, response: Response) => {
          if (full) return Promise.reject(new DOMException('full', 'QuotaExceededError'));
          cache.set(url.href, response);
          return Promise.resolve();
        },
        match: (url: URL) => Promise.resolve(cache.get(url.href)?.clone()),
      }),
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  server.closeAllConnections();
  server.close();
});

const options = (changes: Partial<KeepOptions> = {}): KeepOptions => ({
  pageUrl,
  signal: new AbortController().signal,
  onBytes: () => undefined,
  room: () => Promise.resolve(null),
  ...changes,
});

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => (error instanceof Refused ? error.failure : error),
  );

it('Whoever keeps models tells no progress after the end', async () => {
  const told: number[] = [];
  const keeper = new ShippedKeeper(pageUrl, () => Promise.resolve(null));
  valueOf(await keeper.keep([llama], ({ fetchedBytes }) => told.push(fetchedBytes)));
  const atEnd = told.length;
  expect(atEnd).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(told).toHaveLength(atEnd);
});

describe('Models that ship, kept for a visit without a network', () => {
  it('are kept whole, and nothing is fetched a second time', async () => {
    expect(await keptOf(pageUrl, [lckv])).toMatchObject([{ id: 'fairy-lckv', opens: false }]);
    let bytes = 0;
    await keepModels([lckv, llama], options({ onBytes: (more) => (bytes += more) }));
    expect(await keptOf(pageUrl, [lckv, llama])).toEqual([
      { id: 'fairy-lckv', opens: true, missing: [] },
      { id: 'fairy-llama', opens: true, missing: [] },
    ]);
    const weights = [...cache].find(([url]) => url.endsWith('fairy-lckv/model.safetensors'))?.[1];
    const file = readFileSync('public/models/fairy-lckv/model.safetensors');
    expect(file.equals(new Uint8Array(await (weights ?? new Response()).clone().arrayBuffer()))).toBe(true);
    expect(bytes).toBeGreaterThan(2 * file.length);
    const before = asked.length;
    await keepModels([lckv, llama], options());
    expect(asked).toHaveLength(before);
  });

  it('hold every file that opening a model asks for, and the answer that there is none', async () => {
    await keepModels([lckv, llama], options());
    asked = [];
    for (const { id } of [lckv, llama]) {
      const loaded = await loadModel({
        source: valueOf(openPageSource(pageUrl, id)),
        openBackend: openProcessorBackend,
        openTextPlace: placeHere,
        ...{ weights: 'stored', quantizeEmbeddings: false, emit: () => undefined },
      });
      loaded.weights.free();
      loaded.text?.close();
      loaded.backend.destroy();
    }
    expect(asked.length).toBeGreaterThan(4);
    for (const path of asked) expect(cache.has(new URL(path, pageUrl).href), path).toBe(true);
    // The list names no template.
    expect(asked.filter((path) => path.endsWith('chat_template.jinja'))).toEqual([]);
  });

  it('are asked for a template if no list says whether they have one', async () => {
    meddle = (path) => (path === 'models/index.json' ? 404 : null);
    await keepModels([lckv], options());
    expect(asked).toContain('models/fairy-lckv/chat_template.jinja');
    expect(await keptOf(pageUrl, [lckv])).toEqual([{ id: 'fairy-lckv', opens: true, missing: [] }]);
  });

  it('open without their kernels, which are still missing', async () => {
    await keepModels([{ ...lckv, kernels: [] }], options());
    expect(await keptOf(pageUrl, [lckv])).toEqual([{ id: 'fairy-lckv', opens: true, missing: lckv.kernels }]);
  });

  it('keep what has arrived when they are stopped, and continue from there', async () => {
    const stop = new AbortController();
    meddle = (path) => {
      if (path.endsWith('fairy-llama/tokenizer.json')) stop.abort();
      return null;
    };
    expect(await failureOf(keepModels([lckv, llama], options({ signal: stop.signal })))).toEqual({
      code: 'cancelled',
    });
    const [first, second] = await keptOf(pageUrl, [lckv, llama]);
    expect([first?.opens, second?.opens]).toEqual([true, false]);
    asked = [];
    await keepModels([lckv, llama], options());
    expect(asked.every((path) => path.includes('fairy-llama'))).toBe(true);
    expect(asked).not.toContain('models/fairy-llama/config.json');
  });

  it.each([
    ['config.json', 404, 404],
    ['model.safetensors', 404, 404],
    ['tokenizer.json', 500, 500],
  ])('say what is wrong if the server answers for %s with %i', async (file, answer, status) => {
    meddle = (path) => (path.endsWith(file) ? answer : null);
    expect(await failureOf(keepModels([lckv], options()))).toMatchObject({
      ...{ code: 'download-failed', file: `fairy-lckv/${file}`, status },
    });
    expect((await keptOf(pageUrl, [lckv]))[0]?.opens).toBe(false);
  });

  it('are not kept if a file ends early, which some engines take for its end', async () => {
    vi.stubGlobal('fetch', () =>
      Promise.resolve(new Response('{}', { headers: { 'content-length': '671' } })),
    );
    expect(await failureOf(keepModels([lckv], options()))).toMatchObject({
      ...{ code: 'download-failed', file: 'fairy-lckv/config.json', reason: 'the connection ended early' },
    });
    expect(cache.size).toBe(0);
  });

  it('say how much room is missing if the browser keeps no more', async () => {
    full = true;
    expect(await failureOf(keepModels([lckv], options({ room: () => Promise.resolve(3) })))).toEqual({
      ...{ code: 'no-room', neededBytes: 671, availableBytes: 3 },
    });
  });

  it('are not kept at all where the browser has no cache', async () => {
    vi.stubGlobal('caches', undefined);
    const [kept] = await keptOf(pageUrl, [lckv]);
    expect(kept).toMatchObject({ opens: false });
    expect(kept?.missing).toHaveLength(6);
  });
});
