/**
 * A server that behaves like the Hub, on two origins as the Hub has them: one that knows the repositories and redirects
 * to another, which has the bytes. It misbehaves on demand.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Repository {
  /** 40 hexadecimal digits. */
  readonly commit: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Branches and tags; `main` is the commit. */
  readonly revisions?: readonly string[];
  /** Who does not send it is refused. */
  readonly token?: string;
}

/** One answer of the server that has the bytes. */
export interface Served {
  readonly file: string;
  /** The first byte that was asked for. */
  readonly begin: number;
  readonly range: string | null;
  readonly authorization: string | null;
  /** Bytes that were sent. */
  sentBytes: number;
}

/** What goes wrong with one answer. */
export interface Mischief {
  /** An answer of this status, and nothing else. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection breaks after so many bytes of the body. */
  readonly cutAfter?: number;
  /** This byte of the file, where the answer has it, is another. */
  readonly wrongByteAt?: number;
  /** The answer says that the file is so much longer. */
  readonly longerBy?: number;
  /** The server knows no ranges. */
  readonly noRange?: boolean;
  readonly noCors?: boolean;
  /** The body stops after so many bytes, and the connection stays. */
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
  /** What goes into "Endpoint". */
  readonly endpoint: string;
  /** All requests but preflights, in order: first those to the endpoint, by themselves, then those for bytes. */
  readonly asked: Asked[];
  readonly served: Served[];
  /** Called for every request; what it returns goes wrong. Replaces the one before. */
  misbehave(mischief: (asked: Asked) => Mischief | null): void;
  put(name: string, repository: Repository): void;
  stop(): Promise<void>;
}

/** What the Hub lets pages read, and no more. */
const EXPOSED =
  'X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash';

export async function startHub(repositories: Readonly<Record<string, Repository>>): Promise<HubServer> {
  const known = new Map(Object.entries(repositories));
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
    void answerAs(request, response, note);
  });

  async function answerAs(request: IncomingMessage, response: ServerResponse, note: Asked): Promise<void> {
    const path = note.path.slice(1).split('/').map(decodeURIComponent);
    const api = path[0] === 'api';
    const [owner = '', name = '', verb = '', revision = '', file = ''] = api ? path.slice(2) : path;
    const repository = known.get(`${owner}/${name}`);
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
    const json = (value: unknown) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (api && verb === 'revision') {
      json({ id: `${owner}/${name}`, sha: repository.commit });
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
      const location = `${bytes.url}/${owner}/${name}/${encodeURIComponent(file)}`;
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
  if (begin >= content.length) return void response.writeHead(416).end();
  const answer: Served = {
    file,
    begin,
    range: note.range,
    authorization: note.authorization,
    sentBytes: 0,
  };
  served.push(answer);
  const lies = mischief.longerBy !== undefined;
  response.writeHead(ranged ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    // A body of another length than its header is an error of the transport; the lie goes into the range, or is sent.
    'content-length': end - begin + (lies && !ranged ? total - content.length : 0),
    ...(ranged ? { 'content-range': `bytes ${begin}-${end - 1}/${total}` } : {}),
  });
  const { wrongByteAt, cutAfter, silentAfter, drip } = mischief;
  const part = content.subarray(begin, end);
  // Copied where it shall differ alone: it may be half a gigabyte.
  const body =
    wrongByteAt === undefined ? Buffer.from(part.buffer, part.byteOffset, part.length) : Buffer.from(part);
  if (wrongByteAt !== undefined && wrongByteAt >= begin && wrongByteAt < end) {
    body[wrongByteAt - begin] = ((body[wrongByteAt - begin] ?? 0) + 1) % 256;
  }
  if (lies && !ranged) {
    answer.sentBytes = body.length;
    return void response.end(Buffer.concat([body, Buffer.alloc(content.length)]).subarray(0, total - begin));
  }
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

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

export const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

const gitBlobId = (content: Uint8Array) =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
