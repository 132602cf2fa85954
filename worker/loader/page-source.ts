import { fail, Refused, succeed } from '../outcome.ts';
import type { Outcome } from '../protocol.ts';
import { requestsTo, type Request } from '../request.ts';
import type { ModelSource } from './model-source.ts';

/**
 * The models that the page serves itself, under `models/<id>/` beside it, wherever the page lies.
 *
 * @param pageUrl absolute address of the page's folder, ending in `/`
 * @returns `bad-request` for an id that is not a plain folder name
 */
export function openPageSource(pageUrl: string, id: string): Outcome<ModelSource> {
  if (!/^[\w.-]+$/.test(id) || /^\.+$/.test(id)) {
    return fail({ code: 'bad-request', field: 'model', reason: `"${id}" is not the id of a model` });
  }
  const folder = new URL(`models/${id}/`, pageUrl);
  const request = requestsTo([pageUrl]);
  const get = (file: string) => fetchFile(request, new URL(file, folder), `${id}/${file}`);

  return succeed({
    text: async (file) => {
      const response = await get(file);
      if (!response) return null;
      try {
        return await response.text();
      } catch (error) {
        throw downloadFailed(`${id}/${file}`, 0, messageOf(error));
      }
    },
    open: async (file) => {
      const response = await get(file);
      return response && { sizeBytes: sizeOf(response), chunks: chunksOf(response, `${id}/${file}`) };
    },
  });
}

/** The response, or null where there is no such file. */
async function fetchFile(request: Request, url: URL, name: string): Promise<Response | null> {
  let response: Response;
  try {
    response = await request(url);
  } catch (error) {
    throw downloadFailed(name, 0, messageOf(error));
  }
  // Servers of single-page apps answer every address that they do not know with the page itself.
  const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
  if (response.status === 404 || (response.ok && isPage)) {
    await response.body?.cancel();
    return null;
  }
  if (!response.ok) throw downloadFailed(name, response.status, response.statusText);
  return response;
}

/** The length that the server says, unless it compresses: then it is the length of what is sent. */
function sizeOf(response: Response): number | null {
  const said = response.headers.get('content-length');
  if (said === null || response.headers.has('content-encoding')) return null;
  const sizeBytes = Number(said);
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : null;
}

async function* chunksOf(response: Response, name: string): AsyncGenerator<Uint8Array, void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const next = await reader.read().catch((error: unknown) => {
        throw downloadFailed(name, 0, messageOf(error));
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // A stream that has broken already has nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}

const downloadFailed = (file: string, status: number, reason: string) =>
  new Refused({ code: 'download-failed', file, status, reason });

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
