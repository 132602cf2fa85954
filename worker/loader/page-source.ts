import { show } from '../hostile-fields.ts';
import { fail, Refused, succeed } from '../outcome.ts';
import type { Outcome } from '../protocol/failure.ts';
import { requestsTo, type Request } from '../request.ts';
import { chunksIn } from '../stream-chunks.ts';
import { mayLack } from './model-files.ts';
import type { ModelSource } from './model-source.ts';
import { keepAbsence, keepForOffline } from './offline-copy.ts';
import { listedFiles } from './page-list.ts';

/**
 * The models that ship with the page, under `models/<id>/` beside it.
 *
 * @param pageUrl absolute address of the page's folder, ending in `/`
 * @returns `bad-request` for an id that is not a plain folder name
 */
export function openPageSource(pageUrl: string, id: string): Outcome<ModelSource> {
  if (!/^[\w.-]+$/.test(id) || /^\.+$/.test(id)) {
    return fail({ code: 'bad-request', field: 'model', reason: `${show(id)} is not the id of a model` });
  }
  const folder = new URL(`models/${id}/`, pageUrl);
  const request = requestsTo([pageUrl]);
  const urlOf = (file: string) => new URL(file, folder);
  const listed = listedFiles(request, pageUrl);
  const get = (file: string) => fetchFile(request, urlOf(file), `${id}/${file}`);

  return succeed({
    names: () => Promise.resolve([]),
    text: async (file) => {
      // Hardly any model has a template, and a browser reports every request for a missing file as an error.
      if (mayLack(file) && (await listed).get(id)?.includes(file) === false) return null;
      const response = await get(file);
      if (!response) return null;
      try {
        const text = await response.text();
        void keepForOffline(urlOf(file), response, [text]);
        return text;
      } catch (error) {
        throw downloadFailed(`${id}/${file}`, 0, messageOf(error));
      }
    },
    open: async (file, begin = 0) => {
      const response = await get(file);
      return (
        response && {
          sizeBytes: sizeOf(response),
          chunks: from(
            begin,
            chunksOf(response, `${id}/${file}`, (parts) => {
              void keepForOffline(urlOf(file), response, parts);
            }),
          ),
        }
      );
    },
  });
}

/** The response, or null if there is no such file. */
async function fetchFile(request: Request, url: URL, name: string): Promise<Response | null> {
  let response: Response;
  try {
    response = await request(url);
  } catch (error) {
    throw downloadFailed(name, 0, messageOf(error));
  }
  if (!isThere(response) && (response.ok || response.status === 404)) {
    await response.body?.cancel();
    void keepAbsence(url);
    return null;
  }
  if (!response.ok) throw downloadFailed(name, response.status, response.statusText);
  return response;
}

/** Whether an answer is a file. Servers of single-page apps answer every unknown address with the page itself. */
export const isThere = (response: Response): boolean =>
  response.ok && !(response.headers.get('content-type')?.startsWith('text/html') ?? false);

/** The file's length, if the server says it. With a content encoding, the header has the encoded length. */
export function sizeOf(response: Response): number | null {
  const said = response.headers.get('content-length');
  if (said === null || response.headers.has('content-encoding')) return null;
  const sizeBytes = Number(said);
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : null;
}

/** The chunks from byte `begin` on. All are read, so that the whole file can be kept. */
async function* from(
  begin: number,
  chunks: AsyncGenerator<Uint8Array, void>,
): AsyncGenerator<Uint8Array, void> {
  let position = 0;
  for await (const chunk of chunks) {
    const passed = Math.max(0, begin - position);
    position += chunk.byteLength;
    if (passed < chunk.byteLength) yield chunk.subarray(passed);
  }
}

/** @param whole receives all chunks once there are no more */
async function* chunksOf(
  response: Response,
  name: string,
  whole: (chunks: Uint8Array<ArrayBuffer>[]) => void,
): AsyncGenerator<Uint8Array, void> {
  if (!response.body) return;
  const sizeBytes = sizeOf(response);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let receivedBytes = 0;
  let ended = false;
  try {
    const arriving = chunksIn(response.body, (reading) =>
      reading.catch((error: unknown) => {
        throw downloadFailed(name, 0, messageOf(error));
      }),
    );
    for await (const chunk of arriving) {
      chunks.push(chunk);
      receivedBytes += chunk.byteLength;
      yield chunk;
    }
    ended = true;
  } finally {
    // A reader that has all bytes may not ask whether there are more.
    if (ended || receivedBytes === sizeBytes) whole(chunks);
  }
}

const downloadFailed = (file: string, status: number, reason: string) =>
  new Refused({ code: 'download-failed', file, status, reason });

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
