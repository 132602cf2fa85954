import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};

export interface StaticServer {
  /** Address of the folder, with a slash at its end. */
  readonly url: string;
  readonly asked: readonly string[];
  /** Replaces a file by another text. */
  replace(path: string, text: (original: string) => string): void;
  stop(): Promise<void>;
}

/**
 * A static host that serves a folder under a sub-path, like project pages. A test can stop it.
 *
 * @param wantedPort a free one, or 0 for any
 */
export async function serveFolder(
  folder: string,
  subPath: string,
  headers: Readonly<Record<string, string>> = {},
  wantedPort = 0,
): Promise<StaticServer> {
  const asked: string[] = [];
  const replaced = new Map<string, (original: string) => string>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    asked.push(pathname);
    const path =
      normalize(pathname.startsWith(subPath) ? pathname.slice(subPath.length) : '..') || 'index.html';
    const file = join(folder, path === '.' ? 'index.html' : path);
    if (path.startsWith('..') || !existsSync(file) || !statSync(file).isFile()) {
      // As project pages do.
      const page = join(folder, '404.html');
      if (!request.headers.accept?.includes('text/html') || !existsSync(page)) response.writeHead(404).end();
      else {
        response.writeHead(404, { 'content-type': types['.html'] });
        void readFile(page).then((bytes) => response.end(bytes));
      }
      return;
    }
    response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
    response.setHeader('cache-control', 'no-cache');
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const replacement = replaced.get(path);
    // Whole, because a model in pieces of 64 KiB keeps this process as busy as the browser.
    void readFile(file).then((bytes) => {
      response.end(replacement ? replacement(bytes.toString('utf8')) : bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(wantedPort, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}${subPath}`,
    asked,
    replace: (path, text) => void replaced.set(path, text),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
