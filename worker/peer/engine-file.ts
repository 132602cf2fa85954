import type { PeerFile } from '../protocol/peer.ts';
import type { Request } from '../request.ts';
import { chunksIn } from '../stream-chunks.ts';

/** A file of the engine that cannot be loaded, or is not the one that this page was built with. */
export class MissingFile extends Error {
  readonly file: string;
  readonly reason: string;

  constructor(file: string, reason: string) {
    super(`${file}: ${reason}`);
    this.name = 'MissingFile';
    this.file = file;
    this.reason = reason;
  }
}

const urlsOf = ({ url, parts }: PeerFile): readonly string[] =>
  parts === 1 ? [url] : Array.from({ length: parts }, (_, i) => `${url}.part${i + 1}`);

const wrongLength = (file: PeerFile) =>
  new MissingFile(nameOf(file), `it does not have the ${file.bytes} bytes that it was built with`);

export const nameOf = ({ url }: Pick<PeerFile, 'url'>): string => url.split('/').at(-1) ?? url;

/**
 * The bytes of a file whose length is known.
 *
 * @throws MissingFile
 */
export async function loadBytes(
  file: PeerFile,
  request: Request,
  onProgress: (loadedBytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const name = nameOf(file);
  try {
    const bytes = new Uint8Array(file.bytes);
    let loadedBytes = 0;
    for (const url of urlsOf(file)) {
      const response = await request(url);
      if (!response.ok) throw new MissingFile(name, `the server answers ${response.status}`);
      for await (const chunk of chunksIn(response.body)) {
        if (loadedBytes + chunk.length > bytes.length) throw wrongLength(file);
        bytes.set(chunk, loadedBytes);
        loadedBytes += chunk.length;
        onProgress(loadedBytes);
      }
    }
    if (loadedBytes !== bytes.length) throw wrongLength(file);
    return bytes;
  } catch (error) {
    if (error instanceof MissingFile) throw error;
    throw new MissingFile(name, error instanceof Error ? error.message : String(error));
  }
}
