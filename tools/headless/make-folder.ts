import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder, and those above it. Node's own recursive way never ends in a file system that takes no new folders,
 * such as /proc.
 *
 * @returns whether the folder is new
 * @throws what mkdir throws
 */
export async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // what mkdir throws
    if (code === 'EEXIST') return false;
    if (code !== 'ENOENT' || !(await makeFolder(dirname(resolve(folder))))) throw error;
    await mkdir(folder);
    return true;
  }
}
