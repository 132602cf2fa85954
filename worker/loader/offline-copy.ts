/** The cache with copies of the shipped models. The service worker (vite.config.ts) answers from it without a network. */
const CACHE = 'kvtab-models';

/**
 * Keeps a copy of a shipped file for a visit without a network. The worker does this with the bytes that it has
 * anyway; a service worker would have to fetch them a second time. Only for the page's own files: weights from
 * elsewhere are too large to be kept without asking.
 */
export function keepForOffline(url: URL, response: Response, parts: BlobPart[]): Promise<void> {
  const body = new Blob(parts);
  const headers = {
    'content-type': response.headers.get('content-type') ?? 'application/octet-stream',
    'content-length': String(body.size),
  };
  return keep(url, new Response(body, { headers }));
}

/** Notes that an optional file does not exist. Without a network, a missing file and a failed request look alike. */
export const keepAbsence = (url: URL): Promise<void> => keep(url, new Response(null, { status: 404 }));

async function keep(url: URL, response: Response): Promise<void> {
  // Absent in Node, and in pages that are not in a secure context.
  if (typeof caches === 'undefined') return;
  try {
    const cache = await caches.open(CACHE);
    await cache.put(url, response);
  } catch {
    // No room, or a private window: the page still works with a network.
  }
}
