import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isObject } from '../../worker/hostile-fields.ts';
import { LabError } from './lab-error.ts';

/**
 * Takes a file for this process, by another file beside it that names the process. A process that was killed leaves
 * that file, which then counts for nothing.
 *
 * @returns a function that gives it back
 * @throws LabError if another process has it
 */
export function lockFile(path: string): () => void {
  const lock = `${path}.lock`;
  const mine = JSON.stringify({ pid: process.pid, host: hostname() });
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(lock, mine, { flag: 'wx' });
      return () => {
        rmSync(lock, { force: true });
      };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      if (error.code !== 'EEXIST') throw new LabError(`${path} cannot be written: ${error.message}`);
    }
    const holder = holderOf(lock);
    if (attempt > 0 || (holder && isAlive(holder))) {
      const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
      throw new LabError(`${who} writes ${path} at the moment; if nothing does, remove ${lock}`);
    }
    rmSync(lock, { force: true });
  }
}

interface Holder {
  readonly pid: number;
  readonly host: string;
}

function holderOf(lock: string): Holder | null {
  try {
    const value: unknown = JSON.parse(readFileSync(lock, 'utf8'));
    if (!isObject(value)) return null;
    const { pid, host } = value;
    return Number.isInteger(pid) && typeof host === 'string' ? { pid: Number(pid), host } : null;
  } catch {
    return null;
  }
}

/** Another machine's processes cannot be asked: they count as alive. */
function isAlive({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user exists too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
