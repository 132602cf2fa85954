import { openAsBlob } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openFilesSource } from '../../worker/loader/files-source.ts';
import type { ModelSource } from '../../worker/loader/model-source.ts';

/** A model in a folder on disk, read in the same way as a folder that a person opens in the page. */
export function openFolderSource(folder: string): ModelSource {
  const files = openFilesSource({
    get: (file) => blobOf(join(folder, file)),
    keys: () => readdir(folder).catch(() => []),
  });
  const outside = openFilesSource({ get: (path) => blobOf(resolve(folder, path)), keys: () => [] });
  return { ...files, openPath: (path) => outside.open(path) };
}

/** The file at a path, without its contents; undefined if there is none. */
async function blobOf(path: string): Promise<Blob | undefined> {
  const there = await stat(path).catch(() => null);
  return there?.isFile() ? openAsBlob(path) : undefined;
}
