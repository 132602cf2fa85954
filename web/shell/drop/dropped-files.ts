import type { PickedFile } from '../../models/opened-files.ts';

/** A folder dropped by mistake may be a whole disk. */
const MOST_FILES = 20_000;

/** Whether a drag carries files rather than text or a part of the page. */
export const carriesFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') ?? false;

/**
 * The files of a drop and of its folders, level by level.
 *
 * Call it while the drop event is handled: afterwards the browser forgets the files.
 */
export async function droppedFiles(dropped: DataTransfer): Promise<readonly PickedFile[]> {
  const entries: FileSystemEntry[] = [];
  const picked: PickedFile[] = [];
  for (const item of dropped.items) {
    const entry = item.webkitGetAsEntry();
    if (entry) entries.push(entry);
    else {
      const file = item.getAsFile();
      if (file) picked.push({ path: file.name, file });
    }
  }
  // The list grows while it is walked.
  for (const entry of entries) {
    if (picked.length >= MOST_FILES) break;
    if (isDirectory(entry)) {
      // One that may not be read is no reason to refuse the others.
      const inside = await entriesIn(entry).catch(() => []);
      for (const each of inside) entries.push(each);
    } else if (isFile(entry)) {
      const file = await fileIfNeeded(entry);
      if (file) picked.push({ path: entry.fullPath.slice(1), file });
    }
  }
  return picked;
}

/** The file; null if it cannot be read and no model needs it, such as a lock that has just vanished. */
async function fileIfNeeded(entry: FileSystemFileEntry): Promise<File | null> {
  try {
    return await fileOf(entry);
  } catch (error) {
    if (!/\.(json|jinja|safetensors)$/i.test(entry.name)) return null;
    throw new Error(`${entry.name}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

const isDirectory = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;

const fileOf = (entry: FileSystemFileEntry) =>
  new Promise<File>((resolve, reject) => {
    entry.file(resolve, reject);
  });

/** Everything in a folder. Browsers return a hundred entries at a time, and none at the end. */
async function entriesIn(folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0 || all.length > MOST_FILES) return all;
    all.push(...some);
  }
}
