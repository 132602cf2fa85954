import type { PeerFile } from '../protocol/peer.ts';
import { Attempt } from '../hub/attempt.ts';
import { STALL_MS } from '../hub/ask.ts';
import { reasonOf } from '../hub/request-failure.ts';
import type { Request } from '../request.ts';
import { chunksIn } from '../stream-chunks.ts';

/** How often a part of a file is asked for when nothing arrives: a service worker may be stuck, or a connection dead. */
const ATTEMPTS = 2;

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
 * The bytes of a file whose length is known. What stops arriving is asked for once more.
 *
 * @param stallMs how long nothing may arrive
 * @throws MissingFile
 */
export async function loadBytes(
  file: PeerFile,
  request: Request,
  onProgress: (loadedBytes: number) => void,
  stallMs = STALL_MS,
): Promise<Uint8Array<ArrayBuffer>> {
  const name = nameOf(file);
  try {
    const bytes = new Uint8Array(file.bytes);
    let loadedBytes = 0;
    for (const url of urlsOf(file)) {
      loadedBytes += await loadPart(url, bytes.subarray(loadedBytes), (partBytes) => {
        onProgress(loadedBytes + partBytes);
      });
    }
    if (loadedBytes !== bytes.length) throw wrongLength(file);
    return bytes;
  } catch (error) {
    if (error instanceof MissingFile) throw error;
    throw new MissingFile(name, error instanceof Error ? error.message : String(error));
  }

  async function loadPart(url: string, into: Uint8Array, onPart: (bytes: number) => void): Promise<number> {
    let reason = '';
    for (let left = ATTEMPTS; left > 0; left--) {
      const attempt = new Attempt(new AbortController().signal, stallMs, null);
      try {
        const response = await attempt.watch(request(url, { signal: attempt.signal }));
        if (!response.ok) throw new MissingFile(name, `the server answers ${response.status}`);
        let loaded = 0;
        for await (const chunk of chunksIn(response.body, (reading) => attempt.watch(reading))) {
          if (loaded + chunk.length > into.length) throw wrongLength(file);
          into.set(chunk, loaded);
          loaded += chunk.length;
          onPart(loaded);
        }
        return loaded;
      } catch (error) {
        if (attempt.ended === null) throw error;
        reason = reasonOf(error, attempt, stallMs);
      } finally {
        attempt.close();
      }
    }
    throw new MissingFile(name, `${reason}, twice`);
  }
}
