/**
 * The connection to the one IndexedDB database of kvtab. Browsers close connections: some do so for no reason, and all
 * do if the person deletes the site's data. A connection that another tab's request would have to wait for is closed,
 * too. The next call opens a new one. If that is a different database, the listeners are called.
 */
import { promisifyRequest } from 'idb-keyval';

/**
 * What became of the data: deleted by the person or the browser, taken over by a newer version of the page, or out of
 * reach because of another tab that has not closed it.
 */
export type StorageLoss = 'deleted' | 'taken-over' | 'blocked';

/** The database cannot be opened. The message completes "nothing can be kept: …". */
export class NoStorage extends Error {
  override readonly name = 'NoStorage'; // apart from the message, all that crosses from a worker
}

const DATABASE = 'kvtab';
const STORE = 'values';
/** Holds a value that distinguishes a database from a later one of the same name. Older databases have none. */
const IDENTITY = ['database-identity'];

/**
 * How long a call waits for the database. If another tab has asked to delete it, and a third one does not let go, the
 * browser answers nobody, not even that it is blocked.
 */
const PATIENCE_MS = 8000;

let current: Promise<IDBDatabase> | null = null;
/** Rejects if {@link current} is not open in time. */
let overdue: Promise<never> | null = null;
/** Null until the first connection is open. */
let known: { readonly identity: unknown } | null = null;
let takenOver = false;
const listeners = new Set<(loss: StorageLoss) => void>();

/** Calls the listener whenever data has been lost while this page or worker ran, until the returned function is called. */
export function onStorageLoss(listener: (loss: StorageLoss) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Runs one transaction on the store, again if the connection was closed meanwhile.
 *
 * @param work may run twice
 */
export async function transact<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => T | PromiseLike<T>,
): Promise<T> {
  const opening = database();
  try {
    return await work((await inTime(opening)).transaction(STORE, mode).objectStore(STORE));
  } catch (error) {
    if (current === opening && !isOfClosing(error)) throw error;
    forget(opening);
  }
  return work((await inTime(database())).transaction(STORE, mode).objectStore(STORE));
}

/** Later calls fail at once, until the database opens after all. */
const inTime = (opening: Promise<IDBDatabase>): Promise<IDBDatabase> =>
  overdue ? Promise.race([opening, overdue]) : opening;

function database(): Promise<IDBDatabase> {
  if (current) return current;
  const opening = (current = open());
  overdue = new Promise((_, reject) => {
    const timer = setTimeout(() => {
      tell('blocked');
      reject(new NoStorage('another tab of this page does not let go of its data; close the other tabs'));
    }, PATIENCE_MS);
    const opened = () => clearTimeout(timer);
    opening.then(opened, opened);
  });
  overdue.catch(() => undefined); // calls handle it
  opening.then(
    (db) => {
      const reopen = () => {
        forget(opening);
        db.close();
        // Opens again at once, so that the page can say what has happened before something fails.
        database().catch(() => undefined);
      };
      db.onclose = reopen;
      // Another tab deletes the database or changes its form, and waits until this connection is closed.
      db.onversionchange = reopen;
    },
    () => {
      forget(opening);
    },
  );
  return opening;
}

async function open(): Promise<IDBDatabase> {
  const db = await openDatabase();
  if (!db.objectStoreNames.contains(STORE)) {
    db.close();
    if (!takenOver) tell('taken-over');
    takenOver = true;
    throw new NoStorage('a newer version of the page keeps its data in another form');
  }
  const store = db.transaction(STORE).objectStore(STORE);
  const identity: unknown = await promisifyRequest(store.get(IDENTITY));
  const isNew = known !== null && known.identity !== identity;
  known = { identity };
  if (isNew) tell('deleted');
  return db;
}

async function openDatabase(): Promise<IDBDatabase> {
  try {
    const request = indexedDB.open(DATABASE);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE).put(`${Date.now()} ${Math.random()}`, IDENTITY);
    };
    return await promisifyRequest(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'QuotaExceededError') throw error;
    throw new NoStorage(error instanceof Error ? error.message : String(error));
  }
}

function forget(connection: Promise<IDBDatabase>): void {
  if (current === connection) current = null;
}

function tell(loss: StorageLoss): void {
  for (const listener of listeners) listener(loss);
}

/** Errors of a transaction whose connection is closed or closing. A transaction that was just ended has none. */
const isOfClosing = (error: unknown): boolean =>
  error === null ||
  (error instanceof DOMException && ['AbortError', 'InvalidStateError', 'UnknownError'].includes(error.name));
