import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockFile } from '../../../tools/lab/file-lock.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kvtab-lock-'));
  path = join(folder, 'results.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const heldBy = (holder: unknown) => writeFileSync(`${path}.lock`, JSON.stringify(holder));
/** No process has it: Linux gives out numbers up to 2^22. */
const noProcess = 2 ** 30;

it('A file is free again when its lock is given back', () => {
  const unlock = lockFile(path);
  expect(existsSync(`${path}.lock`)).toBe(true);
  unlock();
  expect(existsSync(`${path}.lock`)).toBe(false);
});

it('A process that lives keeps its file', () => {
  heldBy({ pid: process.ppid, host: hostname() });
  expect(() => lockFile(path)).toThrow(`process ${process.ppid} on ${hostname()} writes ${path}`);
});

it('The lock of a killed process counts for nothing', () => {
  heldBy({ pid: noProcess, host: hostname() });
  expect(() => lockFile(path)()).not.toThrow();
});

it('A process of another machine keeps its file, because it cannot be asked here', () => {
  heldBy({ pid: noProcess, host: 'another-machine' });
  expect(() => lockFile(path)).toThrow('on another-machine writes');
});
