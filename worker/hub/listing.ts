/** The files that a model consists of: at which commit, how large, with which digests. */
import { isObject } from '../hostile-fields.ts';
import { NotJson } from '../hostile-json.ts';
import { badWeights } from '../loader/checkpoint.ts';
import { TEXT_FILES, WHOLE_WEIGHTS } from '../loader/model-files.ts';
import { BadIndex, parseIndex, type ShardIndex } from '../loader/shard-index.ts';
import { Refused } from '../outcome.ts';
import { isRepository } from './address.ts';
import { ask, askJson, unusable, type AskOptions } from './ask.ts';
import type { HubServer } from './hub-requests.ts';

export interface ListedFile {
  /** A plain file name: a model lies at the root of its repository. */
  readonly name: string;
  readonly sizeBytes: number;
  /** SHA-256 in hexadecimal; null for files that are not in LFS. */
  readonly sha256: string | null;
  /** The id that git gives to the contents, in hexadecimal; null for files in LFS, or if the server does not say. */
  readonly gitBlobId: string | null;
}

export interface Listing {
  readonly endpoint: string;
  /** As the server itself writes it. */
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  readonly files: readonly ListedFile[];
}

const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** The kernels of LESS, which hardly any repository has. */
export const KERNELS = 'kernels.safetensors';
/** A larger text is no configuration and no tokenizer. */
export const LARGEST_TEXT_BYTES = 128 * 2 ** 20;
/** An index names each tensor once: this is enough for a hundred thousand of them. */
const LARGEST_INDEX_BYTES = 64 * 2 ** 20;
/** Enough for a commit with a list of a hundred thousand files. */
const LARGEST_ANSWER_BYTES = 16 * 2 ** 20;

/**
 * Resolves the revision, then asks for sizes and digests of the files that a model needs, and no others: a repository
 * may hold the same weights in other formats.
 *
 * @throws Refused with `hub-refused`, `download-failed` or `bad-weights`
 */
export async function listModel(asked: HubServer, options: AskOptions): Promise<Listing> {
  const { repository, commit, names: all } = await resolveRevision(asked, options);
  const server = asked.renamed(repository);
  const { endpoint, revision } = server;
  const sizesOf = (names: readonly string[]) => pathsInfo(server, commit, names, options);
  const found = await sizesOf([...TEXT_FILES, WHOLE_WEIGHTS, WEIGHTS_INDEX, KERNELS]);
  const has = (name: string) => found.some((file) => file.name === name);
  if (!has('config.json')) throw missing('config.json', `there is no such file${await othersIn(all)}`);
  for (const { name, sizeBytes } of found) {
    const most = name === WEIGHTS_INDEX ? LARGEST_INDEX_BYTES : LARGEST_TEXT_BYTES;
    if (name !== WHOLE_WEIGHTS && name !== KERNELS && sizeBytes > most) {
      throw unusable(name, `it has ${sizeBytes} bytes, more than ${most}`);
    }
  }
  const listing = (files: readonly ListedFile[]) => ({ endpoint, repository, revision, commit, files });
  if (has(WHOLE_WEIGHTS)) return listing(found.filter(({ name }) => name !== WEIGHTS_INDEX));
  if (!has(WEIGHTS_INDEX)) {
    const reason = `there is neither ${WHOLE_WEIGHTS} nor ${WEIGHTS_INDEX}${await othersIn(all)}`;
    throw missing(WHOLE_WEIGHTS, reason);
  }
  const names = await shardNames(server, commit, options);
  const shards = await sizesOf(names);
  const absent = names.find((name) => !shards.some((shard) => shard.name === name));
  if (absent !== undefined) {
    throw badWeights(WEIGHTS_INDEX, `it names ${absent}, which is not there`);
  }
  return listing([...found, ...shards]);
}

async function othersIn(names: readonly string[]): Promise<string> {
  const { otherWeights } = await import('../loader/other-weights.ts'); // hardly any repository needs it
  return otherWeights(names);
}

interface Resolved {
  readonly repository: string;
  readonly commit: string;
  /** All files of the repository, as far as the server lists them. */
  readonly names: readonly string[];
}

/**
 * What the revision stands for on the server now: the commit, and the repository's own name. The server may write the
 * name with other capitals than the person did, or may have renamed the repository.
 *
 * @throws Refused with `hub-refused` or `download-failed`
 */
export async function resolveRevision(server: HubServer, options: AskOptions): Promise<Resolved> {
  const { repository, revision } = server;
  const path = `api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  const info = await askJson(server, { path, file: null, maxBytes: LARGEST_ANSWER_BYTES }, options);
  const { sha: commit, id: own, siblings } = isObject(info) ? info : {};
  const id = own ?? repository;
  if (typeof commit !== 'string' || !/^[0-9a-f]{7,64}$/.test(commit)) {
    throw unusable(repository, 'the server’s answer names no commit');
  }
  if (typeof id !== 'string' || !isRepository(id)) {
    throw unusable(repository, 'the server’s answer does not name the repository as owner/name');
  }
  return { repository: id, commit, names: namesIn(siblings) };
}

/** The names in a list of files. They only word a refusal, so what is not understood is left out. */
function namesIn(siblings: unknown): readonly string[] {
  if (!Array.isArray(siblings)) return [];
  return (siblings as readonly unknown[]).flatMap((entry) => {
    const name = isObject(entry) ? entry['rfilename'] : null;
    return typeof name === 'string' ? [name] : [];
  });
}

async function shardNames(
  server: HubServer,
  commit: string,
  options: AskOptions,
): Promise<readonly string[]> {
  const path = `${server.repository}/resolve/${commit}/${WEIGHTS_INDEX}`;
  const question = { path, file: WEIGHTS_INDEX, maxBytes: LARGEST_INDEX_BYTES };
  const { shardOf } = await ask(server, question, readIndex, options);
  return [...new Set(shardOf.values())];
}

/** @throws NotJson for a text that may have been cut short, which is not the fault of the repository; Refused */
function readIndex(text: string): ShardIndex {
  try {
    return parseIndex(text);
  } catch (error) {
    if (!(error instanceof BadIndex)) throw error;
    throw error.cause instanceof NotJson ? error.cause : badWeights(WEIGHTS_INDEX, error.message);
  }
}

/** Sizes and digests of those of `names` that the repository has, in the order of the names. */
async function pathsInfo(
  server: HubServer,
  commit: string,
  names: readonly string[],
  options: AskOptions,
): Promise<readonly ListedFile[]> {
  const question = {
    path: `api/models/${server.repository}/paths-info/${commit}`,
    init: {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ paths: names }),
    },
    file: null,
    maxBytes: LARGEST_ANSWER_BYTES,
  };
  const answer = await askJson(server, question, options);
  if (!Array.isArray(answer)) throw unusable(server.repository, 'the server’s list of files is not a list');
  const wanted = new Set(names);
  const files = new Map<string, ListedFile>();
  for (const entry of answer as readonly unknown[]) {
    if (!isObject(entry) || entry['type'] === 'directory') continue;
    const { path: name } = entry;
    if (typeof name !== 'string' || !wanted.has(name)) continue;
    const [known, file] = [files.get(name), readFile(name, entry)];
    if (known && JSON.stringify(known) !== JSON.stringify(file)) {
      throw unusable(name, 'the server lists it twice, with different sizes or digests');
    }
    files.set(name, file);
  }
  return names.flatMap((name) => files.get(name) ?? []);
}

function readFile(name: string, entry: Readonly<Record<string, unknown>>): ListedFile {
  const lfs = isObject(entry['lfs']) ? entry['lfs'] : null;
  const sizeBytes = lfs?.['size'] ?? entry['size'];
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw unusable(name, 'the server does not say how large it is');
  }
  if (lfs) {
    const { oid: sha256 } = lfs;
    if (!isHex(sha256, 64)) throw unusable(name, 'the server’s digest of it is not a SHA-256');
    return { name, sizeBytes, sha256, gitBlobId: null };
  }
  const { oid: gitBlobId = null } = entry;
  if (gitBlobId !== null && !isHex(gitBlobId, 40)) {
    throw unusable(name, 'the server’s digest of it is not an id of git');
  }
  return { name, sizeBytes, sha256: null, gitBlobId };
}

const isHex = (value: unknown, digits: number): value is string =>
  typeof value === 'string' && value.length === digits && /^[0-9a-f]*$/.test(value);

const missing = (file: string, reason: string) =>
  new Refused({ code: 'download-failed', file, status: 404, reason });
