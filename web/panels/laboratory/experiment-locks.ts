/** Several tabs share what this device keeps. Web Locks say who may change what; the browser ends those of a closed tab. */

export type Locks = Pick<LockManager, 'request' | 'query'>;

const ofExperiment = (id: string) => `kvtab laboratory ${id}`;
const OF_TEXTS = 'kvtab laboratory-texts';

/**
 * Holds an experiment while it runs or is deleted.
 *
 * @returns false if another tab holds it: then nothing was done
 */
export const holdIfFree = (locks: Locks, id: string, work: () => Promise<void>): Promise<boolean> =>
  locks.request(ofExperiment(id), { ifAvailable: true }, async (lock) => {
    if (lock) await work();
    return lock !== null;
  });

/** Whether some tab holds an experiment. */
export async function isHeld(locks: Locks, id: string): Promise<boolean> {
  const { held = [] } = await locks.query();
  return held.some(({ name }) => name === ofExperiment(id));
}

/** Resolves when no tab holds an experiment any more. */
export const whenFree = (locks: Locks, id: string): Promise<void> =>
  locks.request(ofExperiment(id), { mode: 'shared' }, () => Promise.resolve());

/** Keeps texts, or deletes those that no experiment names, without another tab between the two. */
export const holdTexts = (locks: Locks, work: () => Promise<void>): Promise<void> =>
  locks.request(OF_TEXTS, {}, work);
