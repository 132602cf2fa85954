import { openAsBlob } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openFilesSource } from '../../worker/loader/files-source.ts';
import type { ModelSource } from '../../worker/loader/model-source.ts';

/** A model in a folder on disk, read in the same way as a folder that a person opens in the page. */
export const openFolderSource = (folder: string): ModelSource =>
  openFilesSource({
    get: (file) => blobOf(join(folder, file)),
    keys: () => readdir(folder).catch(() => []),
  });

/** The file at a path, without its contents; undefined if there is none. */
async function blobOf(path: string): Promise<Blob | undefined> {
  const there = await stat(path).catch(() => null);
  return there?.isFile() ? openAsBlob(path) : undefined;
}
