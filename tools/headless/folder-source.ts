import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Refused } from '../../worker/outcome.ts';
import type { ModelSource } from '../../worker/loader/model-source.ts';

const CHUNK_BYTES = 2 ** 20;

/** A model in a folder on disk, read chunk by chunk. */
export function openFolderSource(folder: string): ModelSource {
  return {
    text: (file) => orNull(file, () => readFile(join(folder, file), 'utf8')),
    open: (file, begin = 0) =>
      orNull(file, async () => {
        const handle = await open(join(folder, file));
        const { size } = await handle.stat();
        return {
          sizeBytes: size,
          chunks: chunksOf(file, handle.createReadStream({ start: begin, highWaterMark: CHUNK_BYTES })),
        };
      }),
  };
}

async function* chunksOf(
  file: string,
  stream: ReturnType<FileHandle['createReadStream']>,
): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const chunk of stream) yield chunk as Uint8Array; // no encoding was set
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    stream.destroy();
  }
}

/** What `read` gives; null where there is no such file. */
async function orNull<T>(file: string, read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw unreadable(file, error);
  }
}

const unreadable = (file: string, error: unknown) =>
  new Refused({
    code: 'download-failed',
    file,
    status: 0,
    reason: error instanceof Error ? error.message : String(error),
  });
