import { createWriteStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writing } from '../../worker/export/export-failure.ts';
import type { ExportSink } from '../../worker/export/export-sink.ts';
import { Refused } from '../../worker/outcome.ts';
import { makeFolder } from './make-folder.ts';

/**
 * Makes a folder to export to.
 *
 * @returns whether it is new
 * @throws Refused if it is not empty
 */
export async function emptyFolder(folder: string): Promise<boolean> {
  const name = basename(folder);
  const isNew = await writing(name, () => makeFolder(folder));
  if ((await writing(name, () => readdir(folder))).length > 0) {
    throw new Refused({ code: 'export-failed', file: name, reason: 'the folder is not empty' });
  }
  return isNew;
}

/** Writes an exported model into a new folder of this machine. Refuses a folder that is not empty. */
export const pathSink =
  (folder: string): ExportSink =>
  async (_, files) => {
    const name = basename(folder);
    const isNew = await emptyFolder(folder);
    try {
      for await (const { name: file, chunks } of files) {
        await pipeline(chunks, createWriteStream(join(folder, file))).catch((error: unknown) => {
          // A failure of reading explains itself.
          if (error instanceof Refused) throw error;
          return writing(file, () => Promise.reject(error as Error));
        });
      }
      return { name, zip: null };
    } catch (error) {
      const remains = isNew ? [] : await readdir(folder);
      for (const file of remains) await rm(join(folder, file), { force: true });
      if (isNew) await rm(folder, { recursive: true, force: true });
      throw error;
    }
  };
