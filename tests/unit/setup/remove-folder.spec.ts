import { existsSync, mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeFolder } from '../../../tools/setup/remove-folder.mjs';

test('A folder is removed although a process goes on writing there for a while', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-'));
  const cache = join(folder, 'cache');
  mkdirSync(cache);
  const writes = `
    const { mkdirSync, writeFileSync } = require('node:fs');
    const endMs = Date.now() + 700;
    console.log('writes');
    for (let n = 0; Date.now() < endMs; n++) {
      try {
        mkdirSync(process.argv[1], { recursive: true });
        writeFileSync(process.argv[1] + '/' + n, '');
      } catch {}
    }`;
  const writer = spawn(process.execPath, ['-e', writes, cache], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(writer, 'exit');
  await once(writer.stdout, 'data');
  expect(await removeFolder(folder, 10_000)).toBe(true);
  await ended;
  await removeFolder(folder);
  expect(existsSync(folder)).toBe(false);
});

test('A folder that cannot be removed fails nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-'));
  writeFileSync(join(folder, 'file'), '');
  // A file has nothing below it.
  expect(await removeFolder(join(folder, 'file', 'below'), 0)).toBe(false);
  await removeFolder(folder);
});
