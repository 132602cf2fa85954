import type { ExportedFile } from './export-sink.ts';

/** Items one after the other. */
export async function* inTurn<T>(items: readonly T[]): AsyncGenerator<T, void> {
  for (const item of items) yield await Promise.resolve(item);
}

/** A file whose bytes are in memory. */
export function fileOf(name: string, bytes: Uint8Array): ExportedFile {
  return { name, sizeBytes: bytes.length, chunks: inTurn([bytes]) };
}
