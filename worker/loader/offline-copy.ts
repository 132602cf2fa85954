/** Where copies of the shipped models lie. The service worker (vite.config.ts) answers from it when there is no network. */
const CACHE = 'kvtab-models';

/**
 * Puts a copy of a shipped file aside, for a visit without a network. The worker does it with the bytes that it has
 * anyway: a service worker that stored the models would have to fetch them a second time. Only for files of the page's
 * own: weights from elsewhere are too large to be kept without being asked.
 */
export function keepForOffline(url: URL, response: Response, parts: BlobPart[]): Promise<void> {
  const body = new Blob(parts);
  const headers = {
    'content-type': response.headers.get('content-type') ?? 'application/octet-stream',
    'content-length': String(body.size),
  };
  return keep(url, new Response(body, { headers }));
}

/** Notes that there is no such file: without a network nobody could say so of one that a model may do without. */
export const keepAbsence = (url: URL): Promise<void> => keep(url, new Response(null, { status: 404 }));

async function keep(url: URL, response: Response): Promise<void> {
  // Absent in Node, and in pages that are not served securely.
  if (typeof caches === 'undefined') return;
  try {
    const cache = await caches.open(CACHE);
    await cache.put(url, response);
  } catch {
    // No room, or a private window: the page works, with a network.
  }
}
