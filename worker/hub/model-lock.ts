/** Who may change what is stored of a model: one tab, one worker at a time. */
import type { StoredKey } from '../protocol/hub.ts';

/** Absent if the page is not served securely. Then no other tab can be waited for. */
export type Locks = Pick<LockManager, 'request'> | undefined;

export const lockName = ({ endpoint, repository, commit }: StoredKey) =>
  `kvtab ${endpoint} ${repository} ${commit}`;

/** Does something to a model unless somebody else holds it. Says whether it did. */
export async function ifFree(locks: Locks, key: StoredKey, work: () => Promise<void>): Promise<boolean> {
  if (!locks) {
    await work();
    return true;
  }
  return locks.request(lockName(key), { ifAvailable: true }, async (lock) => {
    if (lock) await work();
    return lock !== null;
  });
}

/** Holds a model until the returned function is called; null if somebody else holds it. */
export function takeIfFree(locks: Locks, key: StoredKey): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    const work = () =>
      new Promise<void>((release) => {
        resolve(release);
      });
    ifFree(locks, key, work).then((done) => {
      if (!done) resolve(null);
    }, reject);
  });
}
