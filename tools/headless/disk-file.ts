import { lstat, open, stat } from 'node:fs/promises';
import { Refused } from '../../worker/outcome.ts';
import type { ReadableFile } from '../../worker/loader/files-source.ts';

const CHUNK_BYTES = 2 ** 20;

/** What tells whether a file is still the one that was opened. */
interface Version {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
}

/**
 * The file at a path, without its contents; undefined if there is none, or a folder.
 *
 * Node's own `openAsBlob` cannot be used: it counts bytes modulo 2^32, and shards may have 5 GB.
 *
 * @throws Refused with `unreadable-file` for what is neither a file nor a folder, such as a link that leads nowhere
 */
export async function openDiskFile(path: string, name: string): Promise<ReadableFile | undefined> {
  const refuse = (reason: string) => new Refused({ code: 'unreadable-file', file: name, reason });
  const there = await stat(path).catch(() => null);
  if (there?.isFile()) return diskFile(path, there, 0);
  if (there) {
    if (there.isDirectory()) return undefined;
    throw refuse('it is a device or a pipe, not a file');
  }
  const link = await lstat(path).catch(() => null);
  if (link?.isSymbolicLink()) throw refuse('it is a link to a file that is not there');
  return undefined;
}

/** @param begin the byte that reading starts at */
const diskFile = (path: string, version: Version, begin: number): ReadableFile => ({
  size: version.size - begin,
  slice: (from) => diskFile(path, version, begin + from),
  stream: () => {
    let position = begin;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (position >= version.size) {
            controller.close();
            return;
          }
          const chunk = await readChunk(path, version, position);
          position += chunk.length;
          controller.enqueue(chunk);
        },
      },
      { highWaterMark: 0 }, // nothing is read ahead
    );
  },
});

/** Opens the file for each chunk, so that a reader who forgets to close leaves nothing open. */
async function readChunk(path: string, version: Version, position: number): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path);
  try {
    const now: Version = await file.stat();
    const isSame = now.size === version.size && now.mtimeMs === version.mtimeMs && now.ino === version.ino;
    if (!isSame) throw new Error('it has changed since it was opened');
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, version.size - position));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) throw new Error('it ends before its size');
    return chunk.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
