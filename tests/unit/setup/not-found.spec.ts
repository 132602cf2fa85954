import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { preview } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { notFound } from '../../../tools/setup/not-found.mjs';

const outDir = mkdtempSync(join(tmpdir(), 'kvtab-not-found-'));
let server: Awaited<ReturnType<typeof preview>>;

beforeAll(async () => {
  writeFileSync(join(outDir, 'index.html'), 'the page');
  server = await preview({
    ...{ configFile: false, root: outDir, base: './', logLevel: 'error', plugins: [notFound()] },
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0 },
  });
});

afterAll(async () => {
  await server.close();
  rmSync(outDir, { recursive: true });
});

async function ask(path: string, accept: string) {
  const url = new URL(path, server.resolvedUrls?.local[0]);
  const response = await fetch(url, { headers: { accept } });
  return { status: response.status, text: await response.text() };
}

it.each(['wrong', 'wrong/path', 'wrong/path/'])(
  '`npm start` says at /%s that there is no such page',
  async (path) => {
    const { status, text } = await ask(path, 'text/html,*/*');
    expect(status).toBe(404);
    expect(text).toContain('There is no such page here');
    expect(text).toContain('<a href="/">Open kvtab</a>');
  },
);

it('`npm start` still serves the page, also with a query', async () => {
  for (const path of ['', '?from=mail', 'index.html']) {
    expect(await ask(path, 'text/html')).toEqual({ status: 200, text: 'the page' });
  }
});

it('`npm start` answers a program that asks for a missing file without words', async () => {
  expect(await ask('models/x/chat_template.jinja', '*/*')).toEqual({ status: 404, text: '' });
});
