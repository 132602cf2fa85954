/** The fuzzer itself: it must see a slow input, and inputs that test nothing because all of them end alike. */
import { afterEach, expect, it, vi } from 'vitest';
import { fc } from '../../support/seeded-properties.ts';
import { fuzz } from './fuzz.ts';

const inputs = fc.nat(9);

/** A clock that moves at every look, so that time is soon up. */
function clockOf(msPerLook: number): void {
  let nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += msPerLook));
}
afterEach(() => {
  vi.restoreAllMocks();
});

it('The fuzzer accepts inputs that end in time, some refused and some not', async () => {
  clockOf(1000);
  await fuzz('indices', inputs, (input) => (input < 5 ? 'ran' : 'bad-config'));
});

it('The fuzzer fails if an input takes too long', async () => {
  clockOf(5000);
  await expect(fuzz('indices', inputs, (input) => (input < 5 ? 'ran' : 'bad-config'))).rejects.toThrow(
    'Property failed',
  );
});

it.each(['ran', 'bad-config'])('The fuzzer fails if every input ends with %s', async (end) => {
  clockOf(1000);
  await expect(fuzz('indices', inputs, () => end)).rejects.toThrow('greater than');
});

it('The fuzzer fails with what a check throws', async () => {
  await expect(
    fuzz('indices', inputs, () => {
      throw new Error('logits are not finite');
    }),
  ).rejects.toThrow('Property failed');
});
