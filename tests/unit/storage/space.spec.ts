import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it } from 'vitest';
import { isFull, openSpace, writeTogether } from '../../../worker/storage/space.ts';

const isText = (value: unknown): value is string => typeof value === 'string';
const fruits = openSpace('fruits', isText);
const fruitsOfTrees = openSpace('fruits-of-trees', isText);

beforeEach(async () => {
  await fruits.remove();
  await fruitsOfTrees.remove();
});

describe('a space of the storage', () => {
  it('returns what was set, and undefined for keys that were not', async () => {
    await fruits.set(['a', 1], 'apple');
    expect(await fruits.get(['a', 1])).toBe('apple');
    expect(await fruits.get(['a'])).toBeUndefined();
    expect(await fruits.get(['a', '1'])).toBeUndefined();
  });

  it('is separate from the others, also from one whose name begins with its own', async () => {
    await fruits.set([], 'the fruit');
    await fruitsOfTrees.set([], 'another');
    await fruits.remove();
    expect(await fruits.get([])).toBeUndefined();
    expect(await fruitsOfTrees.get([])).toBe('another');
  });

  it('lists and removes by prefix, in order, but no key that merely begins like it', async () => {
    for (const key of [['m', 10], ['m', 2], ['m', 2, 'x'], ['mm', 1], ['l'], ['m']]) {
      await fruits.set(key, key.join('/'));
    }
    expect(await fruits.keys(['m'])).toEqual([['m'], ['m', 2], ['m', 2, 'x'], ['m', 10]]);
    expect((await fruits.entries(['m', 2])).map(([, value]) => value)).toEqual(['m/2', 'm/2/x']);
    await fruits.remove(['m', 2]);
    expect(await fruits.keys()).toEqual([['l'], ['m'], ['m', 10], ['mm', 1]]);
  });

  it('skips values of another form', async () => {
    const numbers = openSpace('fruits', (value): value is number => typeof value === 'number');
    await fruits.set(['a'], 'apple');
    await numbers.set(['b'], 2);
    expect(await numbers.get(['a'])).toBeUndefined();
    expect(await numbers.entries()).toEqual([[['b'], 2]]);
  });
});

it('Values are written together or not at all', async () => {
  await writeTogether([fruits.at(['a'], 'apple'), fruitsOfTrees.at(['a'], 'of a tree')]);
  expect(await fruitsOfTrees.get(['a'])).toBe('of a tree');
  const unclonable = { path: ['fruits', 'c'], value: () => undefined };
  await expect(writeTogether([fruits.at(['b'], 'pear'), unclonable])).rejects.toThrow();
  expect(await fruits.get(['b'])).toBeUndefined();
});

it('A full device is distinguished from other failures', () => {
  expect(isFull(new DOMException('', 'QuotaExceededError'))).toBe(true);
  expect(isFull(new DOMException('', 'InvalidStateError'))).toBe(false);
  expect(isFull(new Error('QuotaExceededError'))).toBe(false);
});
