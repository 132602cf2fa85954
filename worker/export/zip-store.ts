/** Where a zip grows before it is downloaded: on disk if the browser allows it, otherwise in memory. */
export interface ZipStore {
  append(chunk: Uint8Array<ArrayBuffer>): void;
  /** The whole zip. On disk it stays until {@link forgetOldZips}, so that the browser can copy it. */
  finish(): Promise<Blob>;
  abandon(): Promise<void>;
}

/** The folder in the origin's private file system. */
const FOLDER = 'kvtab-export';
/** Small pieces are collected, because each write is a call to another process. */
const GATHERED_BYTES = 4 * 2 ** 20;
/** How long a browser may take to copy a zip to its destination. */
const COPY_MS = 10 * 60_000;

export async function openZipStore(): Promise<ZipStore> {
  try {
    await forgetOldZips();
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER, { create: true });
    const file = await folder.getFileHandle(`${Date.now()}.zip`, { create: true });
    return onDisk(folder, file, await file.createSyncAccessHandle());
  } catch {
    // Private windows have no such file system.
    return inMemory();
  }
}

/** Deletes zips that were downloaded long ago. A page does not learn when the browser has copied one. */
export async function forgetOldZips(): Promise<void> {
  try {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER);
    for await (const file of folder.values()) {
      if (file.kind !== 'file') continue;
      const { lastModified } = await file.getFile();
      // One that another tab is writing cannot be removed.
      if (Date.now() - lastModified > COPY_MS) await folder.removeEntry(file.name).catch(() => undefined);
    }
  } catch {
    // There is no such folder, or no such file system.
  }
}

function onDisk(
  folder: FileSystemDirectoryHandle,
  file: FileSystemFileHandle,
  access: FileSystemSyncAccessHandle,
): ZipStore {
  let at = 0;
  const write = (bytes: Uint8Array<ArrayBuffer>) => {
    const written = access.write(bytes, { at });
    at += written;
    // Some browsers write only what fits instead of throwing.
    if (written < bytes.length) throw new Error('there is no room left on the disk');
  };
  const gathered = gather(write);
  return {
    append: gathered.add,
    finish: async () => {
      gathered.flush();
      access.flush();
      access.close();
      return file.getFile();
    },
    abandon: async () => {
      access.close();
      await folder.removeEntry(file.name).catch(() => undefined);
    },
  };
}

function inMemory(): ZipStore {
  // Browsers may move blobs to disk, and do not count them as JavaScript's memory.
  const parts: Blob[] = [];
  const gathered = gather((bytes) => parts.push(new Blob([bytes])));
  return {
    append: gathered.add,
    finish: () => {
      gathered.flush();
      return Promise.resolve(new Blob(parts, { type: 'application/zip' }));
    },
    abandon: () => {
      parts.length = 0;
      return Promise.resolve();
    },
  };
}

function gather(take: (bytes: Uint8Array<ArrayBuffer>) => void) {
  const buffer = new Uint8Array(GATHERED_BYTES);
  let filled = 0;
  const flush = () => {
    if (filled > 0) take(buffer.slice(0, filled));
    filled = 0;
  };
  const add = (chunk: Uint8Array<ArrayBuffer>) => {
    if (filled + chunk.length > buffer.length) flush();
    if (chunk.length > buffer.length) take(chunk);
    else {
      buffer.set(chunk, filled);
      filled += chunk.length;
    }
  };
  return { add, flush };
}
