/** Which files of a repository a model consists of, at which commit, how large, with which digests. */
import { isObject } from '../hostile-fields.ts';
import { readIndex } from '../loader/checkpoint.ts';
import { Refused } from '../outcome.ts';
import type { Gate } from './gate.ts';
import type { HubServer } from './hub-requests.ts';
import { Patience, retryAfterMs, type Clock } from './patience.ts';

export interface ListedFile {
  /** A plain file name: models lie at the root of their repository. */
  readonly name: string;
  readonly sizeBytes: number;
  /** SHA-256 in hexadecimal, of files that the Hub keeps in LFS; null of small ones. */
  readonly sha256: string | null;
}

export interface Listing {
  readonly endpoint: string;
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  readonly files: readonly ListedFile[];
}

interface ListOptions {
  readonly gate: Gate;
  readonly onWait: (reason: string, forMs: number) => void;
  readonly clock?: Clock | undefined;
}

const WHOLE_WEIGHTS = 'model.safetensors';
const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** All that is read of a model besides its weights; those that a repository lacks are done without. */
const SMALL_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
] as const;
/** An index names each tensor once: this is enough for a hundred thousand of them. */
const LARGEST_INDEX_BYTES = 64 * 2 ** 20;

/**
 * Resolves the revision, then asks for sizes and digests of the files that a model needs, and no others: a repository
 * may hold the same weights in other formats.
 *
 * @throws Refused with `hub-refused`, `download-failed` or `bad-weights`
 */
export async function listModel(server: HubServer, options: ListOptions): Promise<Listing> {
  const { endpoint, repository, revision } = server;
  const commit = await askCommit(server, options);
  const sizesOf = (names: readonly string[]) => pathsInfo(server, commit, names, options);
  const found = await sizesOf([...SMALL_FILES, WHOLE_WEIGHTS, WEIGHTS_INDEX]);
  const has = (name: string) => found.some((file) => file.name === name);
  if (!has('config.json')) {
    throw new Refused({
      code: 'download-failed',
      file: 'config.json',
      status: 404,
      reason: 'there is no such file',
    });
  }
  const listing = (files: readonly ListedFile[]) => ({ endpoint, repository, revision, commit, files });
  if (has(WHOLE_WEIGHTS)) return listing(found.filter(({ name }) => name !== WEIGHTS_INDEX));
  const index = found.find(({ name }) => name === WEIGHTS_INDEX);
  if (!index) {
    const reason = `there is neither ${WHOLE_WEIGHTS} nor ${WEIGHTS_INDEX}`;
    throw new Refused({ code: 'download-failed', file: WHOLE_WEIGHTS, status: 404, reason });
  }
  if (index.sizeBytes > LARGEST_INDEX_BYTES) {
    throw unusable(WEIGHTS_INDEX, `it has ${index.sizeBytes} bytes, more than ${LARGEST_INDEX_BYTES}`);
  }
  const path = `${repository}/resolve/${commit}/${WEIGHTS_INDEX}`;
  const text = await (await askFor(server, path, {}, WEIGHTS_INDEX, options)).text();
  const names = [...new Set(readIndex(text).shardOf.values())];
  const shards = await sizesOf(names);
  const missing = names.find((name) => !shards.some((shard) => shard.name === name));
  if (missing !== undefined) {
    throw new Refused({
      code: 'bad-weights',
      file: WEIGHTS_INDEX,
      reason: `it names ${missing}, which is not there`,
    });
  }
  return listing([...found, ...shards]);
}

/**
 * The commit that the revision stands for on the server, now.
 *
 * @throws Refused with `hub-refused` or `download-failed`
 */
export async function askCommit(server: HubServer, options: ListOptions): Promise<string> {
  const { repository, revision } = server;
  const path = `api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  const info = await askJson(server, path, {}, options);
  const commit = isObject(info) ? info['sha'] : undefined;
  if (typeof commit !== 'string' || !/^[0-9a-f]{7,64}$/.test(commit)) {
    throw unusable(repository, 'the server’s answer names no commit');
  }
  return commit;
}

/** Sizes and digests of those of `names` that the repository has, in the order of the names. */
async function pathsInfo(
  server: HubServer,
  commit: string,
  names: readonly string[],
  options: ListOptions,
): Promise<readonly ListedFile[]> {
  const answer = await askJson(
    server,
    `api/models/${server.repository}/paths-info/${commit}`,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ paths: names }),
    },
    options,
  );
  if (!Array.isArray(answer)) throw unusable(server.repository, 'the server’s list of files is none');
  const files = new Map<string, ListedFile>();
  for (const entry of answer as readonly unknown[]) {
    if (!isObject(entry) || entry['type'] === 'directory') continue;
    const { path: name } = entry;
    if (typeof name !== 'string' || !names.includes(name)) continue;
    files.set(name, readFile(name, entry));
  }
  return names.flatMap((name) => files.get(name) ?? []);
}

function readFile(name: string, entry: Readonly<Record<string, unknown>>): ListedFile {
  const lfs = isObject(entry['lfs']) ? entry['lfs'] : null;
  const sizeBytes = lfs?.['size'] ?? entry['size'];
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw unusable(name, 'the server does not say how large it is');
  }
  if (!lfs) return { name, sizeBytes, sha256: null };
  const { oid } = lfs;
  if (typeof oid !== 'string' || !/^[0-9a-f]{64}$/.test(oid)) {
    throw unusable(name, 'the server’s digest of it is none');
  }
  return { name, sizeBytes, sha256: oid };
}

async function askJson(
  server: HubServer,
  path: string,
  init: RequestInit,
  options: ListOptions,
): Promise<unknown> {
  const response = await askFor(server, path, init, null, options);
  try {
    return await response.json();
  } catch {
    throw unusable(server.repository, 'the server answered with something else than JSON');
  }
}

/** Asks until the server answers with a success. */
async function askFor(
  server: HubServer,
  path: string,
  init: RequestInit,
  file: string | null,
  { gate, onWait, clock }: ListOptions,
): Promise<Response> {
  const patience = new Patience(file ?? server.repository, gate, onWait, clock);
  for (;;) {
    await gate.pass();
    try {
      const response = await server.ask(path, { ...init, signal: gate.cancelled });
      if (response.ok) return response;
      await response.body?.cancel();
      const refusal = server.refusal(response, file);
      if (refusal) throw refusal;
      await patience.afterFailure(
        response.status,
        `the server answered ${response.status}`,
        retryAfterMs(response),
      );
    } catch (error) {
      if (error instanceof Refused) throw error;
      await gate.pass();
      await patience.afterFailure(0, 'the server could not be reached, or does not let pages read it');
    }
  }
}

const unusable = (file: string, reason: string) =>
  new Refused({ code: 'download-failed', file, status: 0, reason });
