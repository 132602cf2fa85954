/**
 * A server that behaves like the Hub, with two origins: one knows the repositories and redirects to the
 * other one, which has the bytes. It misbehaves on demand.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

export interface Repository {
  /** 40 hexadecimal digits. */
  readonly commit: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Branches and tags; `main` is the commit. */
  readonly revisions?: readonly string[];
  /** A request without it is refused. */
  readonly token?: string;
}

/** One answer of the server that has the bytes. */
export interface Served {
  readonly file: string;
  /** The first byte that was requested. */
  readonly begin: number;
  readonly range: string | null;
  readonly authorization: string | null;
  /** The number of bytes that were sent. */
  sentBytes: number;
}

/** What goes wrong with one answer. */
export interface Mischief {
  /** The server never answers. */
  readonly never?: boolean;
  /** An answer of this status, and nothing else. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A login page with status 200. */
  readonly webPage?: boolean;
  /** A list without an end. */
  readonly endless?: boolean;
  /** A list is cut to this many bytes, and ends as if it were complete. */
  readonly truncateTo?: number;
  /** Whole files are compressed. With `gzipRanges`, a range is one of the compressed form. */
  readonly gzip?: boolean;
  readonly gzipRanges?: boolean;
  /** The connection breaks after this many bytes of the body. */
  readonly cutAfter?: number;
  /** This byte of the file is wrong. */
  readonly wrongByteAt?: number;
  /** The answer claims that the file is this much longer. */
  readonly longerBy?: number;
  /** The server ignores Range. */
  readonly noRange?: boolean;
  readonly noCors?: boolean;
  /** The body stops after this many bytes, and the connection stays open. */
  readonly silentAfter?: number;
  /** Chunks of `bytes`, one every `everyMs`. */
  readonly drip?: { readonly bytes: number; readonly everyMs: number };
  readonly redirectLoop?: boolean;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

export interface HubServer {
  /** The text for the field "Endpoint". */
  readonly endpoint: string;
  /** All requests except preflights, in order. */
  readonly asked: Asked[];
  readonly served: Served[];
  /** Called for every request. Returns what goes wrong with it. */
  misbehave(mischief: (asked: Asked) => Mischief | null): void;
  put(name: string, repository: Repository): void;
  stop(): Promise<void>;
}

const LOGIN_PAGE = '<!doctype html><title>Log in</title><form></form>';

/** The headers that the Hub lets pages read, and no others. */
const EXPOSED =
  'X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash';

export async function startHub(repositories: Readonly<Record<string, Repository>>): Promise<HubServer> {
  const known = new Map(Object.entries(repositories));
  /** The Hub ignores capitals. */
  const nameOf = (asked: string) =>
    [...known.keys()].find((name) => name.toLowerCase() === asked.toLowerCase());
  const asked: Asked[] = [];
  const served: Served[] = [];
  let mischiefOf: (asked: Asked) => Mischief | null = () => null;

  const bytes = await listen((_, response, note, mischief) => {
    const [owner = '', name = '', file = ''] = note.path.slice(1).split('/').map(decodeURIComponent);
    const content = known.get(`${owner}/${name}`)?.files.get(file);
    if (!content) return void response.writeHead(404).end();
    sendFile(response, file, content, note, mischief, served);
  });
  const hub = await listen((request, response, note, mischief) => {
    if (mischief.redirectLoop) return void response.writeHead(302, { location: request.url }).end();
    void answerAs(request, response, note, mischief);
  });

  async function answerAs(
    request: IncomingMessage,
    response: ServerResponse,
    note: Asked,
    mischief: Mischief,
  ): Promise<void> {
    const path = note.path.slice(1).split('/').map(decodeURIComponent);
    const api = path[0] === 'api';
    const [owner = '', name = '', verb = '', revision = '', file = ''] = api ? path.slice(2) : path;
    const id = nameOf(`${owner}/${name}`) ?? '';
    const repository = known.get(id);
    const refuse = (status: number, code: string) =>
      void response.writeHead(status, { 'x-error-code': code }).end(JSON.stringify({ error: code }));
    if (!repository) {
      refuse(note.authorization === null ? 401 : 404, 'RepoNotFound');
      return;
    }
    if (repository.token !== undefined && note.authorization !== `Bearer ${repository.token}`) {
      refuse(note.authorization === null ? 401 : 403, 'GatedRepo');
      return;
    }
    const names = ['main', repository.commit, ...(repository.revisions ?? [])];
    if (!names.includes(revision)) {
      refuse(404, 'RevisionNotFound');
      return;
    }
    const json = (value: unknown) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      if (mischief.endless) sendEndlessList(response);
      else sendBody(response, Buffer.from(JSON.stringify(value)).subarray(0, mischief.truncateTo), mischief);
    };
    if (api && verb === 'revision') {
      const siblings = [...repository.files.keys()].map((rfilename) => ({ rfilename }));
      json({ id, sha: repository.commit, siblings });
      return;
    }
    if (api && verb === 'paths-info' && request.method === 'POST') {
      const { paths } = JSON.parse(await bodyOf(request)) as { paths: string[] };
      json(
        paths.flatMap((wanted) => {
          const content = repository.files.get(wanted);
          return content ? [entryOf(wanted, content)] : [];
        }),
      );
      return;
    }
    if (!api && verb === 'resolve' && repository.files.has(file)) {
      const location = `${bytes.url}/${id}/${encodeURIComponent(file)}`;
      return void response.writeHead(302, { location, 'x-repo-commit': repository.commit }).end();
    }
    refuse(404, 'EntryNotFound');
  }

  type Answer = (request: IncomingMessage, response: ServerResponse, note: Asked, mischief: Mischief) => void;

  async function listen(answer: Answer): Promise<{ server: Server; url: string }> {
    const server = createServer((request, response) => {
      const note: Asked = {
        method: request.method ?? '',
        path: new URL(request.url ?? '/', 'http://localhost').pathname,
        range: request.headers.range ?? null,
        authorization: request.headers.authorization ?? null,
      };
      if (request.method === 'OPTIONS') {
        response.setHeader('access-control-allow-headers', 'authorization, content-type');
        response.setHeader('access-control-allow-methods', 'GET, POST');
        return void response.writeHead(204, { 'access-control-allow-origin': '*' }).end();
      }
      asked.push(note);
      const mischief = mischiefOf(note) ?? {};
      if (!mischief.noCors) {
        response.setHeader('access-control-allow-origin', '*');
        response.setHeader('access-control-expose-headers', EXPOSED);
      }
      if (mischief.never) return;
      if (mischief.webPage) {
        return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(LOGIN_PAGE);
      }
      if (mischief.status !== undefined) {
        return void response.writeHead(mischief.status, mischief.headers).end('{}');
      }
      answer(request, response, note, mischief);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // it listens on TCP
    return { server, url: `http://127.0.0.1:${port}` };
  }

  return {
    endpoint: hub.url,
    asked,
    served,
    misbehave: (mischief) => (mischiefOf = mischief),
    put: (name, repository) => void known.set(name, repository),
    stop: async () => {
      for (const { server } of [hub, bytes]) {
        await new Promise<void>((resolve) => {
          server.close(() => {
            resolve();
          });
          server.closeAllConnections();
        });
      }
    },
  };
}

function entryOf(path: string, content: Uint8Array) {
  const size = content.length;
  const small = { type: 'file', path, size, oid: gitBlobId(content) };
  return path.endsWith('.safetensors')
    ? { ...small, oid: '0'.repeat(40), lfs: { oid: sha256(content), size, pointerSize: 134 } }
    : small;
}

function sendFile(
  response: ServerResponse,
  file: string,
  content: Uint8Array,
  note: Asked,
  mischief: Mischief,
  served: Served[],
): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(note.range ?? '') ?? [];
  const ranged = first !== undefined && !mischief.noRange;
  const begin = ranged ? Number(first) : 0;
  const end = ranged && last !== '' ? Math.min(content.length, Number(last) + 1) : content.length;
  const total = content.length + (mischief.longerBy ?? 0);
  const compressed = mischief.gzip && (!ranged || mischief.gzipRanges) ? gzipSync(content) : null;
  if (begin >= content.length) return void response.writeHead(416).end();
  const answer: Served = {
    file,
    begin,
    range: note.range,
    authorization: note.authorization,
    sentBytes: 0,
  };
  served.push(answer);
  if (compressed) {
    const body = ranged ? compressed.subarray(0, 100) : compressed;
    const headers = { 'content-encoding': 'gzip', 'content-length': body.length };
    return void response.writeHead(ranged ? 206 : 200, headers).end(body);
  }
  const lies = mischief.longerBy !== undefined;
  response.writeHead(ranged ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    // A body of another length than its header is a transport error, so the range lies or extra bytes follow.
    'content-length': end - begin + (lies && !ranged ? total - content.length : 0),
    ...(ranged ? { 'content-range': `bytes ${begin}-${end - 1}/${total}` } : {}),
  });
  const { wrongByteAt } = mischief;
  const part = content.subarray(begin, end);
  // Copied only if it has to differ, because it may be half a gigabyte.
  const body =
    wrongByteAt === undefined ? Buffer.from(part.buffer, part.byteOffset, part.length) : Buffer.from(part);
  if (wrongByteAt !== undefined && wrongByteAt >= begin && wrongByteAt < end) {
    body[wrongByteAt - begin] = ((body[wrongByteAt - begin] ?? 0) + 1) % 256;
  }
  if (lies && !ranged) {
    answer.sentBytes = body.length;
    return void response.end(Buffer.concat([body, Buffer.alloc(content.length)]).subarray(0, total - begin));
  }
  sendBody(response, body, mischief, answer);
}

/** Sends a body after its headers, or as much of it as the mischief leaves. */
function sendBody(
  response: ServerResponse,
  body: Buffer,
  { cutAfter, silentAfter, drip }: Mischief,
  answer: { sentBytes: number } = { sentBytes: 0 },
): void {
  if (cutAfter !== undefined && cutAfter < body.length) {
    answer.sentBytes = cutAfter;
    response.write(body.subarray(0, cutAfter), () => response.socket?.end());
    return;
  }
  if (silentAfter !== undefined && silentAfter < body.length) {
    answer.sentBytes = silentAfter;
    response.write(body.subarray(0, silentAfter));
    return;
  }
  const { bytes, everyMs } = drip ?? { bytes: body.length, everyMs: 0 };
  const send = () => {
    if (response.destroyed) return;
    const next = body.subarray(answer.sentBytes, answer.sentBytes + bytes);
    answer.sentBytes += next.length;
    if (answer.sentBytes === body.length) return void response.end(next);
    response.write(next, () => setTimeout(send, everyMs));
  };
  send();
}

function sendEndlessList(response: ServerResponse): void {
  const entries = Buffer.from('{"type": "file", "path": "x", "size": 1},'.repeat(5000));
  const send = () => {
    if (!response.destroyed) response.write(entries, () => setImmediate(send));
  };
  response.write('[', send);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

export const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

const gitBlobId = (content: Uint8Array) =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
