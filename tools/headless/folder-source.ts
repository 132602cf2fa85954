import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openFilesSource } from '../../worker/loader/files-source.ts';
import type { ModelSource } from '../../worker/loader/model-source.ts';
import { openDiskFile } from './disk-file.ts';

/** A model in a folder on disk, read in the same way as a folder that a person opens in the page. */
export function openFolderSource(folder: string): ModelSource {
  const files = openFilesSource({
    get: (file) => openDiskFile(join(folder, file), file),
    keys: () => readdir(folder).catch(() => []),
  });
  const outside = openFilesSource({
    get: (path) => openDiskFile(resolve(folder, path), path),
    keys: () => [],
  });
  return { ...files, openPath: (path) => outside.open(path) };
}
