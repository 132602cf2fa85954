import type { ModelSource } from '../loader/model-source.ts';
import { Refused } from '../outcome.ts';
import type { ExportedFile } from './export-sink.ts';
import { fileOf } from './file-of.ts';

/** Other files of a model, copied unchanged if they exist. */
const companions = [
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
  'chat_template.jinja',
  'LICENSE',
  'LICENSE.txt',
];

/** Companions are read whole, so larger ones are refused. */
const LONGEST_COMPANION_BYTES = 128 * 2 ** 20;

export async function companionsOf(source: ModelSource): Promise<readonly ExportedFile[]> {
  const files: ExportedFile[] = [];
  for (const name of companions) {
    const bytes = await bytesOfFile(source, name);
    if (bytes) files.push(fileOf(name, bytes));
  }
  return files;
}

/** The bytes of a small file, which need not be text; null if there is no such file. */
async function bytesOfFile(source: ModelSource, name: string): Promise<Uint8Array | null> {
  const opened = await source.open(name);
  if (!opened) return null;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for (;;) {
    const next = await opened.chunks.next();
    if (next.done === true) break;
    chunks.push(new Uint8Array(next.value));
    bytes += next.value.length;
    if (bytes <= LONGEST_COMPANION_BYTES) continue;
    await opened.chunks.return?.();
    const reason = `it has more than ${LONGEST_COMPANION_BYTES} bytes`;
    throw new Refused({ code: 'export-failed', file: name, reason });
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
