import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openFilesSource } from '../../worker/loader/files-source.ts';
import type { ModelSource } from '../../worker/loader/model-source.ts';

/** A model in a folder on disk, read as the page reads a folder that a person opens. */
export const openFolderSource = (folder: string): ModelSource =>
  openFilesSource({ get: (file) => blobOf(join(folder, file)) });

/** The file at a path, without its contents; undefined where there is none. */
async function blobOf(path: string): Promise<Blob | undefined> {
  const there = await stat(path).catch(() => null);
  return there?.isFile() ? openAsBlob(path) : undefined;
}
