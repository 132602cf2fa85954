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

describe('the requests of the worker', () => {
  it('may go to a configured origin', async () => {
    const home = await serve((request, response) => response.end(`at ${String(request.url)}`));
    const request = requestsTo([`${home}/some/folder/`]);
    expect(await (await request(`${home}/models/x`)).text()).toBe('at /models/x');
  });

  it('follow the redirects of such an origin, wherever they lead', async () => {
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
    ['a host that merely begins with the allowed one', 'http://127.0.0.1.example:8080/x'],
    ['the name of the origin as a user', 'http://127.0.0.1:8080@elsewhere.example/x'],
    ['a user of the origin', 'http://user:secret@127.0.0.1:8080/x'],
    ['a data address', 'data:text/plain,x'],
    ['a blob address', 'blob:http://127.0.0.1:8080/x'],
    ['a file', 'file:///etc/hostname'],
  ])('are refused for %s before anything is sent', async (_, url) => {
    const fetched = vi.fn();
    vi.stubGlobal('fetch', fetched);
    await expect(requestsTo(['http://127.0.0.1:8080/page/'])(url)).rejects.toBeInstanceOf(RequestRefused);
    expect(fetched).not.toHaveBeenCalled();
  });

  it('fail with the name of the refused origin', async () => {
    await expect(requestsTo([])('https://elsewhere.example/x')).rejects.toMatchObject({
      origin: 'https://elsewhere.example',
    });
  });
});

describe('an access token', () => {
  const door = (endpoint: string, origins = [endpoint]) =>
    requestsTo(origins, { endpoint, secret: 'hf_secret' });
  const note =
    (seen: (string | undefined)[]): RequestListener =>
    (request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    };

  it('goes to its endpoint, and to no other path, port or host', async () => {
    const [home, other] = [[] as (string | undefined)[], [] as (string | undefined)[]];
    const [homeUrl, otherUrl] = [await serve(note(home)), await serve(note(other))];
    const request = door(`${homeUrl}/hf`, [homeUrl, otherUrl]);
    for (const path of ['/hf/api', '/hf2/api', '/hf', '/hf/../api', '/HF/api', '/hf%2fapi']) {
      await request(`${homeUrl}${path}`);
    }
    await request(`${otherUrl}/hf/api`);
    await request(`${homeUrl.replace('127.0.0.1', 'localhost')}/hf/api`).catch(() => undefined);
    expect(home).toEqual(['Bearer hf_secret', ...Array<undefined>(5).fill(undefined)]);
    expect(other).toEqual([undefined]);
  });

  it.each([301, 302, 303, 307, 308])('does not follow a %d to another port', async (status) => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await serve(note(seen));
    const home = await serve((_, response) =>
      response.writeHead(status, { location: `${elsewhere}/x` }).end(),
    );
    await door(home)(`${home}/x`);
    expect(seen).toEqual([undefined]);
  });

  it('does not come back if a redirect returns to its endpoint from elsewhere', async () => {
    const seen: (string | undefined)[] = [];
    const urls: string[] = [];
    const home = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/x') response.writeHead(302, { location: `${String(urls[0])}/y` }).end();
      else response.end();
    });
    urls.push(await serve((_, response) => response.writeHead(302, { location: `${home}/z` }).end()));
    await door(home)(`${home}/x`);
    expect(seen).toEqual(['Bearer hf_secret', undefined]);
  });

  it('can be set by worker/request.ts only', async () => {
    const home = await serve((_, response) => response.end());
    const request = requestsTo([home])(home, { headers: { Authorization: 'Bearer other' } });
    await expect(request).rejects.toThrow('only worker/request.ts');
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
