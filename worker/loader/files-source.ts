import { Refused } from '../outcome.ts';
import type { ModelSource } from './model-source.ts';

/** Files by name. What a folder on disk offers is looked up when it is asked for. */
export interface Files {
  get(file: string): Blob | undefined | Promise<Blob | undefined>;
}

/** Far above any tokenizer.json: what is larger is no text that a model comes with. */
const LONGEST_TEXT_BYTES = 128 * 2 ** 20;

/**
 * A model in files that lie on this machine, opened or dropped by a person. They are read in place, piece by piece.
 * Every read that fails is `unreadable-file`: browsers say alike of a file that was changed, moved or locked that it
 * is not readable.
 */
export function openFilesSource(files: Files): ModelSource {
  return {
    text: async (file) => {
      const blob = await files.get(file);
      if (!blob) return null;
      if (blob.size > LONGEST_TEXT_BYTES) {
        const reason = `it has ${blob.size} bytes, and a text file of a model at most ${LONGEST_TEXT_BYTES}`;
        throw new Refused({ code: 'unreadable-file', file, reason });
      }
      return blob.text().catch((error: unknown) => refuse(file, error));
    },
    open: async (file, begin = 0) => {
      const blob = await files.get(file);
      return blob ? { sizeBytes: blob.size, chunks: chunksOf(file, blob.slice(begin)) } : null;
    },
  };
}

async function* chunksOf(file: string, blob: Blob): AsyncGenerator<Uint8Array, void> {
  const reader = blob.stream().getReader();
  try {
    for (;;) {
      const next = await reader.read().catch((error: unknown) => refuse(file, error));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // A stream that has broken already has nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}

function refuse(file: string, error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new Refused({ code: 'unreadable-file', file, reason });
}
