import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RingReach } from '../../../gpu/kv/ring-reach.ts';

const windowTokens = 5;
const ringRows = 8;

it('A text without rings can drop back anywhere', () => {
  const reach = new RingReach(Infinity);
  reach.wrote(1000, 5);
  expect([0, 1, 500, 999].map((tokens) => reach.reaches(tokens, windowTokens))).toEqual(Array(4).fill(true));
});

it('A text reaches back no further than its ring holds what the window sees, and as far where the ring has no gap', () => {
  const turns = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 20 }), atOnce: fc.boolean() }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(turns, (writes) => {
      const reach = new RingReach(ringRows);
      const ring: (number | null)[] = Array<null>(ringRows).fill(null);
      const gap = writes.some(({ rows, atOnce }) => atOnce && rows > windowTokens);
      let end = 0;
      for (const { rows, atOnce } of writes) {
        const first = atOnce ? Math.max(end, end + rows - windowTokens) : end;
        for (let position = first; position < end + rows; position++) ring[position % ringRows] = position;
        end += rows;
        reach.wrote(end, atOnce && rows > windowTokens ? windowTokens : Infinity);
      }
      for (let tokens = 0; tokens <= end; tokens++) {
        const seen = Array.from({ length: Math.min(tokens, windowTokens - 1) }, (_, i) => tokens - 1 - i);
        const held = seen.every((position) => ring[position % ringRows] === position);
        if (reach.reaches(tokens, windowTokens)) expect(held).toBe(true);
        else if (!gap) expect(held).toBe(false);
      }
    }),
  );
});
