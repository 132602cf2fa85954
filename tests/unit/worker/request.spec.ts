import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RequestRefused, requestsTo } from '../../../worker/request.ts';

const servers: Server[] = [];

afterEach(() => {
  vi.unstubAllGlobals();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
}

describe('the one door of the worker’s requests', () => {
  it('lets through what goes to an origin that was configured', async () => {
    const home = await serve((request, response) => response.end(`at ${String(request.url)}`));
    const request = requestsTo([`${home}/some/folder/`]);
    expect(await (await request(`${home}/models/x`)).text()).toBe('at /models/x');
  });

  it('follows the redirects of such an origin, wherever they lead', async () => {
    const elsewhere = await serve((_, response) => response.end('the weights'));
    const home = await serve((_, response) =>
      response.writeHead(302, { location: `${elsewhere}/blob` }).end(),
    );
    expect(await (await requestsTo([home])(`${home}/file`)).text()).toBe('the weights');
  });

  it.each([
    ['another host', 'https://elsewhere.example/x'],
    ['another port', 'http://127.0.0.1:1/x'],
    ['another scheme', 'https://127.0.0.1:8080/x'],
    ['a host that only begins alike', 'http://127.0.0.1.example:8080/x'],
    ['the name of the origin as a user', 'http://127.0.0.1:8080@elsewhere.example/x'],
    ['a user of the origin', 'http://user:secret@127.0.0.1:8080/x'],
    ['a data address', 'data:text/plain,x'],
    ['a blob address', 'blob:http://127.0.0.1:8080/x'],
    ['a file', 'file:///etc/hostname'],
  ])('refuses %s, and asks nobody', async (_, url) => {
    const fetched = vi.fn();
    vi.stubGlobal('fetch', fetched);
    await expect(requestsTo(['http://127.0.0.1:8080/page/'])(url)).rejects.toBeInstanceOf(RequestRefused);
    expect(fetched).not.toHaveBeenCalled();
  });

  it('names the origin that was refused', async () => {
    await expect(requestsTo([])('https://elsewhere.example/x')).rejects.toMatchObject({
      origin: 'https://elsewhere.example',
    });
  });
});

it('No other file of the worker or of the decoder makes requests', () => {
  const root = new URL('../../../', import.meta.url);
  const files = ['worker', 'gpu'].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${folder}/${file}`),
  );
  const asking = files.filter((file) =>
    /\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts/.test(
      readFileSync(new URL(file, root), 'utf8'),
    ),
  );
  expect(asking).toEqual(['worker/request.ts']);
});
