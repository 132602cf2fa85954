/** Keeps the page's own models as whole files, so that they open without a network. */
import { Refused } from '../outcome.ts';
import type { KeptFiles, ShippedFiles } from '../protocol/keep.ts';
import { requestsTo, type Request } from '../request.ts';
import { chunksIn } from '../stream-chunks.ts';
import { mayLack, TEXT_FILES, WHOLE_WEIGHTS } from './model-files.ts';
import { keepSurely, keptAs } from './offline-copy.ts';
import { listedFiles } from './page-list.ts';
import { isThere, sizeOf } from './page-source.ts';

export interface KeepOptions {
  /** Absolute address of the page's folder, ending in `/`. */
  readonly pageUrl: string;
  readonly signal: AbortSignal;
  /** Called with every chunk. */
  readonly onBytes: (bytes: number) => void;
  /** How much more the browser will keep; null if it does not say. */
  readonly room: () => Promise<number | null>;
}

const urlOf = (pageUrl: string, id: string, file: string) => new URL(`models/${id}/${file}`, pageUrl);

/** What is kept of models, in their order. */
export async function keptOf(
  pageUrl: string,
  models: readonly ShippedFiles[],
): Promise<readonly KeptFiles[]> {
  const listed = await listedFiles(requestsTo([pageUrl]), pageUrl);
  return Promise.all(
    models.map(async ({ id, kernels }) => {
      const texts = TEXT_FILES.filter((file) => !mayLack(file) || listed.get(id)?.includes(file) !== false);
      const missing = await missingOf(pageUrl, id, [...texts, WHOLE_WEIGHTS, ...kernels]);
      const weights = await keptAs(urlOf(pageUrl, id, WHOLE_WEIGHTS));
      const opens = weights === 'file' && missing.every((file) => kernels.includes(file));
      return { id, opens, missing };
    }),
  );
}

async function missingOf(pageUrl: string, id: string, files: readonly string[]): Promise<readonly string[]> {
  const kept = await Promise.all(files.map((file) => keptAs(urlOf(pageUrl, id, file))));
  return files.filter((_, i) => kept[i] === null);
}

/**
 * Keeps every file that is not kept yet, the small ones of a model before its weights.
 *
 * @throws Refused with `download-failed`, `no-room` or `cancelled`
 */
export async function keepModels(models: readonly ShippedFiles[], options: KeepOptions): Promise<void> {
  const request = requestsTo([options.pageUrl]);
  for (const { id, missing } of await keptOf(options.pageUrl, models)) {
    for (const file of missing) await keepFile(request, id, file, options);
  }
}

async function keepFile(request: Request, id: string, file: string, options: KeepOptions): Promise<void> {
  const { pageUrl, signal, onBytes, room } = options;
  const url = urlOf(pageUrl, id, file);
  const failed = (status: number, reason: string) =>
    new Refused({ code: 'download-failed', file: `${id}/${file}`, status, reason });
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let response: Response;
  try {
    response = await request(url, { signal });
    const found = isThere(response);
    if (!found && !response.ok && response.status !== 404) throw failed(response.status, response.statusText);
    if (!found && !mayLack(file)) {
      throw failed(404, 'there is no such file');
    }
    if (!found) {
      await response.body?.cancel();
      await keepSurely(url, response, null);
      return;
    }
    for await (const chunk of chunksIn(response.body)) {
      parts.push(chunk);
      onBytes(chunk.byteLength);
    }
    const sizeBytes = sizeOf(response);
    if (sizeBytes !== null && sizeBytes !== lengthOf(parts)) throw failed(0, 'the connection ended early');
  } catch (error) {
    if (signal.aborted) throw new Refused({ code: 'cancelled' });
    throw error instanceof Refused
      ? error
      : failed(0, error instanceof Error ? error.message : String(error));
  }
  try {
    await keepSurely(url, response, parts);
  } catch {
    const neededBytes = lengthOf(parts);
    const left = await room();
    // The browser may promise more, but the failed write counts.
    const availableBytes = left === null || left >= neededBytes ? 0 : left;
    throw new Refused({ code: 'no-room', neededBytes, availableBytes });
  }
}

const lengthOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
