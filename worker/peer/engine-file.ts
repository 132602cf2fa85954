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

export const nameOf = ({ url }: PeerFile): string => url.split('/').at(-1) ?? url;

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
    const response = await request(file.url);
    if (!response.ok) throw new MissingFile(name, `the server answers ${response.status}`);
    const bytes = new Uint8Array(file.bytes);
    let loadedBytes = 0;
    for await (const chunk of chunksIn(response.body)) {
      if (loadedBytes + chunk.length > bytes.length) break;
      bytes.set(chunk, loadedBytes);
      loadedBytes += chunk.length;
      onProgress(loadedBytes);
    }
    if (loadedBytes !== bytes.length)
      throw new MissingFile(name, `it does not have the ${bytes.length} bytes that it was built with`);
    return bytes;
  } catch (error) {
    if (error instanceof MissingFile) throw error;
    throw new MissingFile(name, error instanceof Error ? error.message : String(error));
  }
}
