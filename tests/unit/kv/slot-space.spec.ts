import { expect, it } from 'vitest';
import { SlotSpace } from '../../../gpu/webgpu/slot-space.ts';
import { fc } from '../../support/seeded-properties.ts';

it('A space of slots gives stretches that never overlap, and refuses one only if no gap is long enough', () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant('free' as const)), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), steps, (slots, sequence) => {
      const space = new SlotSpace(slots);
      const open: { readonly first: number; readonly slots: number }[] = [];
      for (const step of sequence) {
        if (step === 'free') {
          const [oldest] = open.splice(0, 1);
          if (oldest) space.free(oldest.first);
          continue;
        }
        const free = (first: number) =>
          first + step <= slots &&
          open.every((each) => first + step <= each.first || each.first + each.slots <= first);
        const fitting = [...Array(slots).keys()].filter(free);
        const first = space.take(step);
        expect(first).toBe(fitting[0] ?? null);
        if (first !== null) open.push({ first, slots: step });
      }
    }),
  );
});
