import { writing } from './export-failure.ts';
import type { ExportedFile, ExportSink } from './export-sink.ts';

/** Writes files into a new folder inside the one that a person chose. Never overwrites anything. */
export const folderSink =
  (parent: FileSystemDirectoryHandle): ExportSink =>
  async (wantedName, files) => {
    const name = await writing(wantedName, () => freeName(parent, wantedName));
    const folder = await writing(name, () => parent.getDirectoryHandle(name, { create: true }));
    try {
      for await (const file of files) await writeFile(folder, file);
      return { name, zip: null };
    } catch (error) {
      await parent.removeEntry(name, { recursive: true }).catch(() => undefined);
      throw error;
    }
  };

async function writeFile(folder: FileSystemDirectoryHandle, { name, chunks }: ExportedFile): Promise<void> {
  const stream = await writing(name, async () => {
    const file = await folder.getFileHandle(name, { create: true });
    return file.createWritable();
  });
  try {
    for await (const chunk of chunks) await writing(name, () => stream.write(new Uint8Array(chunk)));
    await writing(name, () => stream.close());
  } catch (error) {
    await stream.abort().catch(() => undefined);
    throw error;
  }
}

async function freeName(parent: FileSystemDirectoryHandle, wanted: string): Promise<string> {
  const taken = new Set<string>();
  for await (const name of parent.keys()) taken.add(name);
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.has(name)) return name;
  }
}
