import type { KeptChannel } from '../protocol/keep.ts';

/** The cache with copies of the shipped models. The service worker (vite.config.ts) answers from it without a network. */
const CACHE = 'kvtab-models';
const CHANNEL: KeptChannel = 'kvtab-kept';

/**
 * Keeps a copy of a shipped file for a visit without a network. The worker does this with the bytes that it has
 * anyway; a service worker would have to fetch them a second time. Only for the page's own files: weights from
 * elsewhere are too large to be kept without asking.
 */
export const keepForOffline = (url: URL, response: Response, parts: BlobPart[]): Promise<void> =>
  keepOrNot(url, copyOf(response, parts));

/** Notes that an optional file does not exist. Without a network, a missing file and a failed request look alike. */
export const keepAbsence = (url: URL): Promise<void> => keepOrNot(url, new Response(null, { status: 404 }));

/** Keeps a copy, or that there is no such file if `parts` is null; throws why the browser does not. */
export const keepSurely = (url: URL, response: Response, parts: BlobPart[] | null): Promise<void> =>
  keep(url, parts ? copyOf(response, parts) : new Response(null, { status: 404 }));

/** Whether a copy is kept: of the file, or of the answer that there is none. */
export async function keptAs(url: URL): Promise<'file' | 'absence' | null> {
  if (typeof caches === 'undefined') return null;
  const kept = await (await caches.open(CACHE)).match(url);
  return kept ? (kept.ok ? 'file' : 'absence') : null;
}

function copyOf(response: Response, parts: BlobPart[]): Response {
  const body = new Blob(parts);
  const headers = {
    'content-type': response.headers.get('content-type') ?? 'application/octet-stream',
    'content-length': String(body.size),
  };
  return new Response(body, { headers });
}

async function keepOrNot(url: URL, response: Response): Promise<void> {
  // Absent in Node, and in pages that are not in a secure context.
  if (typeof caches === 'undefined') return;
  // No room, or a private window: the page still works with a network.
  await keep(url, response).catch(() => undefined);
}

async function keep(url: URL, response: Response): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.put(url, response);
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(null);
  channel.close();
}
