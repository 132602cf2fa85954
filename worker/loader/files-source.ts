import { fileText } from '../file-text.ts';
import { Refused } from '../outcome.ts';
import { chunksIn } from '../stream-chunks.ts';
import type { ModelSource } from './model-source.ts';

/** As much of a Blob as reading needs. */
export interface ReadableFile {
  /** Bytes. */
  readonly size: number;
  /** The file from a byte on. */
  slice(begin: number): ReadableFile;
  stream(): ReadableStream<Uint8Array>;
}

/** Files by name: a map, or a folder on disk that is looked into when it is asked. */
export interface Files {
  get(file: string): ReadableFile | undefined | Promise<ReadableFile | undefined>;
  keys(): Iterable<string> | Promise<Iterable<string>>;
}

/** Twice the largest that there are: some 35 MB of tokens, and of names of tensors. */
const LONGEST_LIST_BYTES = 64 * 2 ** 20;
const lists = ['tokenizer.json', 'model.safetensors.index.json'];
/** Far longer than any other text file of a model. */
const LONGEST_TEXT_BYTES = 8 * 2 ** 20;

/**
 * A model in files on this machine that a person opened or dropped. They are read in place, piece by piece.
 * Every read that fails is `unreadable-file`: browsers report the same error for a file that was changed, moved or
 * locked.
 */
export function openFilesSource(files: Files): ModelSource {
  return {
    names: async () => [...(await files.keys())],
    text: async (file) => {
      const blob = await files.get(file);
      if (!blob) return null;
      const most = lists.includes(file) ? LONGEST_LIST_BYTES : LONGEST_TEXT_BYTES;
      if (blob.size > most) {
        const reason = `it has ${blob.size} bytes, more than the ${most} of any such file`;
        throw new Refused({ code: 'unreadable-file', file, reason });
      }
      return fileText(file, chunksOf(file, blob));
    },
    open: async (file, begin = 0) => {
      const blob = await files.get(file);
      return blob ? { sizeBytes: blob.size, chunks: chunksOf(file, blob.slice(begin)) } : null;
    },
  };
}

const chunksOf = (file: string, blob: ReadableFile) =>
  chunksIn(blob.stream(), (reading) => reading.catch((error: unknown) => refuse(file, error)));

function refuse(file: string, error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new Refused({ code: 'unreadable-file', file, reason });
}
