import { makeZip } from 'client-zip';
import { writing } from './export-failure.ts';
import type { ExportedFile, ExportSink } from './export-sink.ts';
import { openZipStore } from './zip-store.ts';

/** Writes files into a zip that a person can download. Nothing is compressed, because weights hardly shrink. */
export const zipSink: ExportSink = async (name, files) => {
  const file = `${name}.zip`;
  const store = await openZipStore();
  const reader = makeZip(entries(name, files)).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const { value } = next;
      await writing(file, () => store.append(new Uint8Array(value)));
    }
    return { name, zip: await writing(file, () => store.finish()) };
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    await store.abandon();
    throw error;
  }
};

async function* entries(folder: string, files: AsyncIterable<ExportedFile>) {
  const lastModified = new Date();
  for await (const { name, sizeBytes, chunks } of files) {
    yield { name: `${folder}/${name}`, input: chunks, size: sizeBytes, lastModified };
  }
}
