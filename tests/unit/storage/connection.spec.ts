import 'fake-indexeddb/auto';
import { forceCloseDatabase } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { onStorageLoss, type StorageLoss } from '../../../worker/storage/connection.ts';
import { openSpace, writeTogether } from '../../../worker/storage/space.ts';

const fruits = openSpace('fruits', (value): value is string => typeof value === 'string');

/** The connections that the page has opened. */
const opened: IDBDatabase[] = [];
const open = Object.getOwnPropertyDescriptor(IDBFactory.prototype, 'open')?.value as IDBFactory['open'];
let losses: StorageLoss[] = [];
let stop: () => void = () => undefined;

beforeEach(async () => {
  IDBFactory.prototype.open = function (name, version) {
    const request = open.call(this, name, version);
    request.addEventListener('success', () => opened.push(request.result));
    return request;
  };
  losses = [];
  stop = onStorageLoss((loss) => losses.push(loss));
  await fruits.set(['a'], 'apple');
});
afterEach(() => {
  stop();
  IDBFactory.prototype.open = open;
});

/** What another tab does. Rejects if the page blocks it. */
const settled = (request: IDBOpenDBRequest) =>
  new Promise<IDBDatabase>((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onblocked = () => {
      reject(new Error('blocked'));
    };
  });

const closeByBrowser = () => {
  const last = opened.at(-1);
  // The types of the library ask for the class instead of an instance.
  if (last) forceCloseDatabase(last as unknown as typeof IDBDatabase);
};

describe('the connection to the storage', () => {
  it('is opened again after the browser has closed it, and nothing is lost', async () => {
    closeByBrowser();
    expect(await fruits.get(['a'])).toBe('apple');
    expect(losses).toEqual([]);
  });

  it('is opened again if a call finds it closed', async () => {
    opened.at(-1)?.close(); // without an event
    await writeTogether([fruits.at(['b'], 'pear')]);
    expect(await fruits.get(['b'])).toBe('pear');
    expect(losses).toEqual([]);
  });

  it('closes for another tab that deletes the data, says so once, and stores again', async () => {
    await settled(indexedDB.deleteDatabase('kvtab'));
    await vi.waitFor(() => {
      expect(losses).toEqual(['deleted']);
    });
    expect(await fruits.get(['a'])).toBeUndefined();
    await fruits.set(['a'], 'apricot');
    expect(await fruits.get(['a'])).toBe('apricot');
    expect(losses).toEqual(['deleted']);
  });

  it('says so, too, if the browser deletes the data and then closes it', async () => {
    const [connection] = opened.slice(-1);
    if (connection) connection.onversionchange = null;
    const deleting = settled(indexedDB.deleteDatabase('kvtab')).catch(() => undefined);
    closeByBrowser();
    await deleting;
    await vi.waitFor(() => {
      expect(losses).toEqual(['deleted']);
    });
  });

  it('closes for a newer version of the page, and uses its database while the store exists', async () => {
    const other = await settled(indexedDB.open('kvtab', 2));
    other.close();
    expect(await fruits.get(['a'])).toBe('apple');
    expect(losses).toEqual([]);
  });

  it('fails after a while if another tab keeps the browser from opening it, and works once that lets go', async () => {
    // A tab that ignores the wish of another one to delete the data.
    const holder = await settled(indexedDB.open('kvtab'));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const deleting = indexedDB.deleteDatabase('kvtab');
      await new Promise((resolve) => (deleting.onblocked = resolve));
      const read = expect(fruits.get(['a'])).rejects.toMatchObject({ name: 'NoStorage' });
      await vi.advanceTimersByTimeAsync(20_000);
      await read;
      expect(losses).toEqual(['blocked']);
      // At once from now on.
      await expect(fruits.set(['a'], 'fig')).rejects.toMatchObject({ name: 'NoStorage' });
    } finally {
      vi.useRealTimers();
    }
    holder.close();
    await vi.waitFor(async () => {
      await fruits.set(['a'], 'fig');
    });
    expect(await fruits.get(['a'])).toBe('fig');
  });

  it('names what the browser says if it opens nothing', async () => {
    opened.at(-1)?.close();
    IDBFactory.prototype.open = () => {
      throw new DOMException('The operation is insecure.', 'SecurityError');
    };
    await expect(fruits.get(['a'])).rejects.toMatchObject({
      name: 'NoStorage',
      message: 'The operation is insecure.',
    });
  });

  it('says once that a newer version has taken over the data', async () => {
    const request = indexedDB.open('kvtab', 3);
    request.onupgradeneeded = () => {
      request.result.deleteObjectStore('values');
    };
    (await settled(request)).close();
    await expect(fruits.get(['a'])).rejects.toMatchObject({ name: 'NoStorage' });
    await expect(fruits.set(['a'], 'fig')).rejects.toMatchObject({ name: 'NoStorage' });
    expect(losses).toEqual(['taken-over']);
  });
});
