import { describe, expect, it } from 'vitest';
import { ifFree, lockName, takeIfFree, type Locks } from '../../../worker/hub/model-lock.ts';
import { MemoryLocks } from '../../support/memory-locks.ts';

const key = { endpoint: 'https://hub.example', repository: 'owner/model', commit: 'c1' };
const locksOf = () => new MemoryLocks() as unknown as NonNullable<Locks>; // the part that the library uses

describe('The lock of a model', () => {
  it('has a name that differs for every server, repository and commit', () => {
    expect(lockName(key)).toBe('kvtab https://hub.example owner/model c1');
  });

  it('lets one work at a time, and says to the others that it is taken', async () => {
    const locks = locksOf();
    const release = await takeIfFree(locks, key);
    if (!release) throw new Error('nobody else holds it');
    let worked = 0;
    const work = () => {
      worked++;
      return Promise.resolve();
    };
    expect(await ifFree(locks, key, work)).toBe(false);
    expect(await takeIfFree(locks, key)).toBeNull();
    expect(await ifFree(locks, { ...key, commit: 'c2' }, work)).toBe(true);
    expect(worked).toBe(1);
    release();
    await new Promise((resolve) => setTimeout(resolve));
    expect(await ifFree(locks, key, work)).toBe(true);
    expect(worked).toBe(2);
  });

  it('is free again after work that failed, and the failure is passed on', async () => {
    const locks = locksOf();
    const failing = () => Promise.reject(new Error('broken'));
    await expect(ifFree(locks, key, failing)).rejects.toThrow('broken');
    expect(await ifFree(locks, key, () => Promise.resolve())).toBe(true);
  });

  it('is always free where there are no locks', async () => {
    let worked = false;
    expect(
      await ifFree(undefined, key, () => {
        worked = true;
        return Promise.resolve();
      }),
    ).toBe(true);
    expect(worked).toBe(true);
    expect(await takeIfFree(undefined, key)).toBeTypeOf('function');
  });

  it('passes on a failure of the browser’s locks', async () => {
    const broken = { request: () => Promise.reject(new Error('no locks')) } as unknown as Locks;
    await expect(takeIfFree(broken, key)).rejects.toThrow('no locks');
  });
});
