/**
 * What kvtab keeps on this device: one IndexedDB database, in spaces of their own. The only importer of idb-keyval.
 * The page and its workers may use it. Where the browser keeps nothing (private windows, blocked storage) calls reject
 * with its DOMException; {@link isFull} tells when it was for want of room.
 */
import { createStore, get, promisifyRequest, set, type UseStore } from 'idb-keyval';

/** Where a value lies within its space, from the coarse to the fine: `['owner/name', 'model.safetensors', 3]`. */
export type Key = readonly (string | number)[];

/** A value with its place, as {@link Space.at} makes it. */
export interface Placed {
  readonly path: (string | number)[];
  readonly value: unknown;
}

/** Values of one kind. What does not have the kind's form, as an older version may have left it, counts as absent. */
export interface Space<T> {
  get(key: Key): Promise<T | undefined>;
  set(key: Key, value: T): Promise<void>;
  /** The value at a place, to be written together with others by {@link writeTogether}. */
  at(key: Key, value: T): Placed;
  /** Keys that begin with `prefix`, in order. Reads no values. */
  keys(prefix?: Key): Promise<readonly Key[]>;
  /** Keys and values under a prefix, in order of the keys. */
  entries(prefix?: Key): Promise<readonly (readonly [Key, T])[]>;
  /** Removes a key and all that begin with it; everything, where none is given. */
  remove(prefix?: Key): Promise<void>;
}

let opened: UseStore | undefined;
const store = () => (opened ??= createStore('kvtab', 'values'));

/**
 * @param name  of the space; another form of its values wants another name
 * @param isOne tells the values of the space from what is not usable
 */
export function openSpace<T>(name: string, isOne: (value: unknown) => value is T): Space<T> {
  const path = (key: Key) => [name, ...key];
  const keysIn = async (prefix: Key) => {
    const range = rangeOf(path(prefix));
    const keys = await store()('readonly', (values) => promisifyRequest(values.getAllKeys(range)));
    return keys.map((key) => (key as (string | number)[]).slice(1)); // only `path` makes keys
  };
  const read = async (key: Key) => {
    const value: unknown = await get(path(key), store());
    return isOne(value) ? value : undefined;
  };
  return {
    get: read,
    set: (key, value) => set(path(key), value, store()),
    at: (key, value) => ({ path: path(key), value }),
    keys: (prefix = []) => keysIn(prefix),
    entries: async (prefix = []) => {
      const found = await Promise.all(
        (await keysIn(prefix)).map(async (key) => [key, await read(key)] as const),
      );
      return found.filter((entry): entry is [Key, T] & typeof entry => entry[1] !== undefined);
    },
    remove: (prefix = []) =>
      store()('readwrite', async (values) => {
        values.delete(rangeOf(path(prefix)));
        await promisifyRequest(values.transaction);
      }),
  };
}

/** Writes all of them or, where that fails, none. */
export const writeTogether = (placed: readonly Placed[]): Promise<void> =>
  store()('readwrite', async (values) => {
    const done = promisifyRequest(values.transaction);
    try {
      for (const { path, value } of placed) values.put(value, path);
    } catch (error) {
      // A value that cannot be copied fails before it is asked for, and what was asked for before it would stay.
      values.transaction.abort();
      await done.catch(() => undefined);
      throw error;
    }
    await done;
  });

/** Whether something was not stored because the device, or the browser's share of it, is full. */
export const isFull = (error: unknown): boolean =>
  error instanceof DOMException && error.name === 'QuotaExceededError';

/** A key and all that continue it: an array sorts after every text and number. */
const rangeOf = (path: readonly (string | number)[]) => IDBKeyRange.bound(path, [...path, []]);
