import { describe, expect, it } from 'vitest';
import { maskOf, sees, visibleKeys, type Mask } from '../../../gpu/kv/mask.ts';
import { sharingOf } from '../../support/arbitrary-plans.ts';
import { fc } from '../../support/seeded-properties.ts';

const masksOf = (text: string, more: { forceNodiag?: boolean } = {}) => {
  const sharing = sharingOf(text, more);
  return sharing.layers.map((layer) => maskOf(sharing, layer));
};

const arbitraryMask: fc.Arbitrary<Mask> = fc.record({
  windowTokens: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(Infinity)),
  diagonal: fc.boolean(),
});

/** The published rule, applied key by key. */
const rule = (q: number, k: number, { windowTokens, diagonal }: Mask) =>
  k <= q && !(k === q && !diagonal) && q - k < windowTokens;

it('The range of visible keys is exactly the keys that the rule lets a query see', () => {
  fc.assert(
    fc.property(fc.nat(20), arbitraryMask, (q, mask) => {
      const { from, to } = visibleKeys(q, mask);
      for (let k = 0; k <= q + 2; k++) {
        expect(sees(q, k, mask)).toBe(rule(q, k, mask));
        expect(from <= k && k < to).toBe(rule(q, k, mask));
      }
    }),
    { numRuns: 500 },
  );
});

it('Visible keys lie within the text', () => {
  fc.assert(
    fc.property(fc.nat(20), arbitraryMask, (q, mask) => {
      const { from, to } = visibleKeys(q, mask);
      expect(from).toBeGreaterThanOrEqual(0);
      expect(to).toBeLessThanOrEqual(q + 1);
    }),
  );
});

describe('maskOf', () => {
  it('removes the diagonal from layers that read above, and from no others', () => {
    expect(masksOf('0_2_2').map(({ diagonal }) => diagonal)).toEqual([true, false, true]);
  });

  it('removes the diagonal from every layer under force_nodiag', () => {
    expect(masksOf('0_1', { forceNodiag: true }).map(({ diagonal }) => diagonal)).toEqual([false, false]);
  });

  it('limits only layers with an s to the window', () => {
    expect(masksOf('0_1s').map(({ windowTokens }) => windowTokens)).toEqual([Infinity, 4]);
  });
});

it('The first token of a layer that reads above sees no key', () => {
  const { from, to } = visibleKeys(0, { windowTokens: Infinity, diagonal: false });
  expect(from).toBeGreaterThanOrEqual(to);
});

it('A window of one without the diagonal sees no key at any position', () => {
  for (const q of [0, 1, 7]) {
    const { from, to } = visibleKeys(q, { windowTokens: 1, diagonal: false });
    expect(from).toBeGreaterThanOrEqual(to);
  }
});
