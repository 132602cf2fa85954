import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';

export const shippedSource = (id: string): ModelSource => openFolderSource(`public/models/${id}`);

export const goldenSource = (name: string): ModelSource => openFolderSource(`tests/fixtures/golden/${name}`);

export const goldenHfSource = (name: string): ModelSource =>
  openFolderSource(`tests/fixtures/golden-hf/${name}`);

/**
 * A source of files in memory that arrive in chunks of any size, as from a network.
 *
 * @param sizesKnown whether the source says how long its files are
 */
export function memorySource(
  files: Readonly<Record<string, Uint8Array | string>>,
  { chunkBytes = 1000, sizesKnown = true } = {},
): ModelSource {
  const bytesOf = (file: string) => {
    const content = Object.hasOwn(files, file) ? files[file] : undefined;
    return typeof content === 'string' ? new TextEncoder().encode(content) : (content ?? null);
  };
  return {
    names: () => Promise.resolve(Object.keys(files)),
    text: (file) => {
      const bytes = bytesOf(file);
      return Promise.resolve(bytes && new TextDecoder().decode(bytes));
    },
    open: (file, begin = 0) => {
      const bytes = bytesOf(file);
      return Promise.resolve(
        bytes && {
          sizeBytes: sizesKnown ? bytes.length : null,
          chunks: chunksOf(bytes.subarray(begin), chunkBytes),
        },
      );
    },
  };
}

async function* chunksOf(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array, void> {
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    await Promise.resolve();
    yield bytes.slice(start, start + chunkBytes);
  }
}
