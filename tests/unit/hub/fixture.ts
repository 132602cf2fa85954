/** A library with IndexedDB in memory, a server of its own, and a clock that does not wait. */
import 'fake-indexeddb/auto';
import { afterEach } from 'vitest';
import { Library, type LibraryParts } from '../../../worker/hub/library.ts';
import { openHubSource } from '../../../worker/hub/hub-source.ts';
import type { HubEvent } from '../../../worker/protocol/hub.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import type { HubModel } from '../../../worker/protocol/load.ts';
import {
  startHub,
  type Asked,
  type HubServer,
  type Mischief,
  type Repository,
} from '../../support/hub-server.ts';
import { MemoryLocks } from '../../support/memory-locks.ts';

export const RECORD = 64 * 1024;
export const COMMIT = 'c0ffee'.padEnd(40, '0');
export const NAME = 'owner/small-model';

/** Each byte depends on its position. The length is not a multiple of a record. */
export const WEIGHTS = Uint8Array.from({ length: 5 * RECORD + 1234 }, (_, i) => (i * 31 + (i >> 9)) % 251);
export const TOKENIZER = new TextEncoder().encode(JSON.stringify({ words: 'wörter '.repeat(12_000) }));

export const repository = (changes: Partial<Repository> = {}): Repository => ({
  commit: COMMIT,
  files: new Map([
    ['README.md', new TextEncoder().encode('not needed')],
    ['config.json', new TextEncoder().encode('{"model_type": "llama"}')],
    ['tokenizer.json', TOKENIZER],
    ['model.safetensors', WEIGHTS],
    ['pytorch_model.bin', WEIGHTS],
    ['consolidated.safetensors', WEIGHTS],
  ]),
  ...changes,
});

const servers: HubServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  for (const name of ['listing', 'manifest', 'copy', 'record', 'mark', 'revision', 'name']) {
    await openSpace(`model-${name}-1`, (value): value is unknown => value !== undefined).remove();
  }
});

export async function hubWith(repositories: Readonly<Record<string, Repository>>): Promise<HubServer> {
  const server = await startHub(repositories);
  servers.push(server);
  return server;
}

/** Records the waits of the library, in milliseconds, in order. */
export const noWaits = () => {
  const waits: number[] = [];
  return {
    waits,
    clock: {
      sleep: (ms: number) => {
        waits.push(ms);
        return new Promise<void>((resolve) => setTimeout(resolve, 1));
      },
    },
  };
};

export const sharedLocks = new MemoryLocks() as unknown as LockManager; // the part that the library uses

export function openLibrary(parts: Partial<LibraryParts> = {}): Library {
  return new Library({
    locks: sharedLocks,
    room: () => Promise.resolve(null),
    clock: noWaits().clock,
    recordBytes: RECORD,
    ...parts,
  });
}

type Changes = Partial<Omit<HubModel, 'token'>> & { readonly token?: string };

export const modelAt = (server: HubServer, { token, ...changes }: Changes = {}): HubModel => ({
  from: 'hub',
  id: NAME,
  endpoint: server.endpoint,
  token: token === undefined ? null : { endpoint: server.endpoint, secret: token },
  keep: true,
  ...changes,
});

export const ignore = (_: HubEvent) => undefined;

export const never = new AbortController().signal;
export const bytesSpace = openSpace(
  'model-record-1',
  (value): value is Uint8Array => value instanceof Uint8Array,
);
export const recordKey = (endpoint: string, index: number) => [
  ...[endpoint, NAME, COMMIT, 'model.safetensors'],
  index,
];

/** A whole file, read as the loader reads it. */
export async function read(model: HubModel, file: string, begin = 0): Promise<Uint8Array> {
  const opened = await (await openHubSource(model, never)).open(file, begin);
  const parts: Uint8Array[] = [];
  for (let next = await opened?.chunks.next(); next?.done === false; next = await opened?.chunks.next()) {
    parts.push(next.value);
  }
  return Buffer.concat(parts);
}

export const weightsOnly = (mischief: Mischief, times = Infinity) => {
  let left = times;
  return ({ path }: Asked) =>
    path.endsWith('/model.safetensors') && !path.includes('/resolve/') && left-- > 0 ? mischief : null;
};
export const everything = (mischief: Mischief) => () => mischief;
export const failureOf = (outcome: { ok: boolean; failure?: unknown }) => outcome.failure;
