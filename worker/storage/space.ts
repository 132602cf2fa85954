/**
 * What kvtab keeps on this device: one IndexedDB database, divided into spaces. The page and its workers use it. If the
 * browser keeps nothing (private windows, blocked storage), calls reject with `NoStorage`; {@link isFull} says whether
 * there was no room.
 */
import { del, get, promisifyRequest, set } from 'idb-keyval';
import { transact } from './connection.ts';

/** The place of a value in its space, from coarse to fine: `['owner/name', 'model.safetensors', 3]`. */
export type Key = readonly (string | number)[];

/** A value with its place, as {@link Space.at} makes it. */
export interface Placed {
  readonly path: (string | number)[];
  readonly value: unknown;
}

/** Values of one kind. A value of another form, such as an older version may have left, counts as absent. */
export interface Space<T> {
  get(key: Key): Promise<T | undefined>;
  set(key: Key, value: T): Promise<void>;
  /** A value and its place, for {@link writeTogether}. */
  at(key: Key, value: T): Placed;
  /** Keys that start with `prefix`, in order. Reads no values. */
  keys(prefix?: Key): Promise<readonly Key[]>;
  /** Keys and values under a prefix, in order of the keys. */
  entries(prefix?: Key): Promise<readonly (readonly [Key, T])[]>;
  /** Removes a key and all keys that start with it; without a prefix, everything. */
  remove(prefix?: Key): Promise<void>;
  /** Removes one key, and none that start with it. */
  removeOnly(key: Key): Promise<void>;
}

/**
 * @param name  of the space; if the form of its values changes, it needs a new name
 * @param isOne accepts the values of the space and refuses everything else
 */
export function openSpace<T>(name: string, isOne: (value: unknown) => value is T): Space<T> {
  const path = (key: Key) => [name, ...key];
  const keysIn = async (prefix: Key) => {
    const range = rangeOf(path(prefix));
    const keys = await transact('readonly', (values) => promisifyRequest(values.getAllKeys(range)));
    return keys.map((key) => (key as (string | number)[]).slice(1)); // only `path` makes keys
  };
  const read = async (key: Key) => {
    const value: unknown = await get(path(key), transact);
    return isOne(value) ? value : undefined;
  };
  return {
    get: read,
    set: (key, value) => set(path(key), value, transact),
    at: (key, value) => ({ path: path(key), value }),
    keys: (prefix = []) => keysIn(prefix),
    entries: async (prefix = []) => {
      const range = rangeOf(path(prefix));
      // Of one transaction, so that both are of the same moment.
      const [keys, values] = await transact('readonly', (store) =>
        Promise.all([promisifyRequest(store.getAllKeys(range)), promisifyRequest(store.getAll(range))]),
      );
      return keys.flatMap((key, i): (readonly [Key, T])[] => {
        const value: unknown = values[i];
        return isOne(value) ? [[(key as (string | number)[]).slice(1), value]] : []; // only `path` makes keys
      });
    },
    remove: (prefix = []) =>
      transact('readwrite', async (values) => {
        values.delete(rangeOf(path(prefix)));
        await promisifyRequest(values.transaction);
      }),
    removeOnly: (key) => del(path(key), transact),
  };
}

/** Writes all of the values, or none if one fails. */
export const writeTogether = (placed: readonly Placed[]): Promise<void> =>
  transact('readwrite', async (values) => {
    const done = promisifyRequest(values.transaction);
    try {
      for (const { path, value } of placed) values.put(value, path);
    } catch (error) {
      // A value that cannot be cloned throws here, and the writes before it would stay.
      values.transaction.abort();
      await done.catch(() => undefined);
      throw error;
    }
    await done;
  });

/** Whether a write failed because the device, or the browser's quota, is full. */
export const isFull = (error: unknown): boolean =>
  error instanceof DOMException && error.name === 'QuotaExceededError';

/** A key and all keys that start with it: an array sorts after every text and number. */
const rangeOf = (path: readonly (string | number)[]) => IDBKeyRange.bound(path, [...path, []]);
