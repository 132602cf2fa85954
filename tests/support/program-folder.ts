import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** A folder for each test of a file, with programs to find in it. */
export function useProgramFolder() {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kvtab-browser-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  return {
    path: (name = '') => join(folder, name),
    /** An executable file. */
    program: (name: string): string => {
      const path = join(folder, name);
      writeFileSync(path, '');
      chmodSync(path, 0o755);
      return path;
    },
  };
}
