import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { ByteReader } from '../../../worker/loader/byte-reader.ts';
import { openPageSource } from '../../../worker/loader/page-source.ts';
import { valueOf } from '../../../worker/outcome.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A source whose page is at `/some/where/` on a server of this test. */
async function sourceOn(listener: RequestListener, id = 'tiny') {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const { port } = started.address() as AddressInfo; // it listens on TCP
  return valueOf(openPageSource(`http://127.0.0.1:${port}/some/where/`, id));
}

describe("the page's own models", () => {
  it('are fetched from models/<id>/ next to the page, wherever that is', async () => {
    const source = await sourceOn((request, response) => response.end(`at ${String(request.url)}`));
    expect(await source.text('config.json')).toBe('at /some/where/models/tiny/config.json');
  });

  it('stream with the size that the server reports', async () => {
    const source = await sourceOn((_, response) => {
      response.setHeader('content-length', 300_000);
      response.end(Buffer.alloc(300_000, 7));
    });
    const file = await source.open('model.safetensors');
    if (!file) throw new Error('it is there');
    const reader = new ByteReader(file);
    expect(reader.sizeBytes).toBe(300_000);
    expect(await reader.skip(299_999)).toBe(299_999);
    expect([...(await reader.read(5))]).toEqual([7]);
    await reader.close();
  });

  it('have no known size if the server compresses them', async () => {
    const source = await sourceOn((_, response) => {
      const body = gzipSync(Buffer.alloc(5000, 7));
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length }).end(body);
    });
    const file = await source.open('model.safetensors');
    expect(file?.sizeBytes).toBeNull();
    await file?.chunks.return?.();
  });

  it.each([
    ['with 404', 404, 'text/plain'],
    ['with the page itself', 200, 'text/html; charset=utf-8'],
  ])('lack a file that the server answers %s', async (_, status, type) => {
    const source = await sourceOn((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end('<html></html>');
    });
    expect(await source.text('tokenizer.json')).toBeNull();
    expect(await source.open('model.safetensors')).toBeNull();
  });

  it('fail with the status of a failing server', async () => {
    const source = await sourceOn((_, response) => response.writeHead(503).end());
    await expect(source.text('config.json')).rejects.toMatchObject({
      failure: { code: 'download-failed', file: 'tiny/config.json', status: 503 },
    });
  });

  it('fail if the connection breaks, before the answer or within it', async () => {
    const source = await sourceOn((request, response) => {
      if (request.url?.endsWith('config.json')) return request.socket.destroy();
      response.writeHead(200, { 'content-length': 1000 });
      response.write(Buffer.alloc(10));
      return setTimeout(() => request.socket.destroy(), 20);
    });
    const failure = { code: 'download-failed', status: 0 };
    await expect(source.text('config.json')).rejects.toMatchObject({ failure });
    const file = await source.open('model.safetensors');
    if (!file) throw new Error('it is there');
    await expect(new ByteReader(file).read(1000)).rejects.toMatchObject({ failure });
  });

  it.each(['', '.', '..', '../x', 'a/b', 'a\\b', 'http://x', 'a?b', 'a b'])(
    'cannot have the id "%s"',
    (id) => {
      expect(openPageSource('http://localhost/', id)).toMatchObject({
        ok: false,
        failure: { code: 'bad-request', field: 'model' },
      });
    },
  );
});
