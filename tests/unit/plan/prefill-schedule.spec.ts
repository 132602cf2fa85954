import { describe, expect, it } from 'vitest';
import { ownersOf, readsAbove } from '../../../gpu/plan/layer-types.ts';
import { prefillLayerPasses, prefillSchedule } from '../../../gpu/plan/prefill-schedule.ts';
import { arbitrarySharing, sharingOf } from '../../support/arbitrary-plans.ts';
import { emptyKv, toyParallel, toyScheduled, toySequential } from '../../support/toy-decoder.ts';
import { fc } from '../../support/seeded-properties.ts';

const arbitraryTurn = fc.array(fc.nat(999), { minLength: 1, maxLength: 7 });
const arbitraryPasses = fc.record({
  forward: fc.integer({ min: 1, max: 4 }),
  backward: fc.integer({ min: 0, max: 2 }),
});
const countOf = (passes: { forward: number; backward: number }) => passes.forward + passes.backward;
const runs = { numRuns: 400 };

describe('The schedule of a parallel prefill', () => {
  it('leaves the same KV and last row as computing everything, over any number of turns', () => {
    const turns = fc.array(arbitraryTurn, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        arbitrarySharing(),
        arbitraryPasses,
        turns,
        fc.boolean(),
        (sharing, passes, texts, everyRow) => {
          const whole = emptyKv(sharing);
          const scheduled = emptyKv(sharing);
          for (const [turn, tokens] of texts.entries()) {
            const expected = toyParallel(sharing, tokens, whole, countOf(passes));
            const schedule = prefillSchedule(sharing, passes, { firstTurn: turn === 0, everyRow });
            const left = toyScheduled(sharing, tokens, scheduled, schedule);
            if (everyRow) expect(left).toEqual(expected);
            else expect(left.at(-1)).toBe(expected.at(-1));
            expect(scheduled).toEqual(whole);
          }
        },
      ),
      runs,
    );
  });

  it('runs no layer twice in a pass, and runs the layers in order', () => {
    fc.assert(
      fc.property(arbitrarySharing(), arbitraryPasses, (sharing, passes) => {
        for (const { group, steps } of prefillSchedule(sharing, passes, {
          firstTurn: true,
          everyRow: false,
        })) {
          const layers = steps.map(({ layer }) => layer);
          expect(layers).toEqual([...new Set(layers)].sort((a, b) => a - b));
          expect(layers.every((layer) => group.start <= layer && layer < group.stop)).toBe(true);
        }
      }),
    );
  });

  it('runs every layer in the last pass of its group', () => {
    fc.assert(
      fc.property(arbitrarySharing(), arbitraryPasses, fc.boolean(), (sharing, passes, everyRow) => {
        const last = prefillSchedule(sharing, passes, { firstTurn: true, everyRow })
          .filter(({ pass, passes: count }) => pass === count - 1)
          .flatMap(({ steps }) => steps.map(({ layer }) => layer));
        expect(last).toEqual(sharing.layers.map(({ index }) => index));
      }),
    );
  });

  it('computes a single row above the last layer that owns KV, unless every row is asked for', () => {
    const sharing = sharingOf('0s_1s_2_2_2_2');
    const works = (everyRow: boolean) =>
      prefillSchedule(sharing, { forward: 1, backward: 0 }, { firstTurn: true, everyRow })
        .flatMap(({ steps }) => steps)
        .map(({ work }) => work);
    expect(works(false)).toEqual(['all', 'all', 'last', 'last', 'last', 'last']);
    expect(works(true)).toEqual(['all', 'all', 'all', 'all', 'all', 'all']);
  });

  it('computes of a group’s last layer only the KV in every pass but the last', () => {
    const works = prefillSchedule(
      sharingOf('0_3_3_3_4'),
      { forward: 1, backward: 1 },
      { firstTurn: true, everyRow: true },
    ).map(({ steps }) => steps.map(({ layer, work }) => `${layer} ${work}`));
    expect(works).toEqual([['0 all'], ['1 all', '2 all', '3 kv'], ['1 all', '2 all', '3 all'], ['4 all']]);
  });

  it('skips the attention of layers that read above only in the first pass of the first turn', () => {
    const zeros = (firstTurn: boolean) =>
      prefillSchedule(
        sharingOf('0_2_2_3'),
        { forward: 2, backward: 0 },
        { firstTurn, everyRow: true },
      ).flatMap(({ pass, steps }) =>
        steps.filter((step) => step.seesOnlyZeros).map(({ layer }) => [pass, layer]),
      );
    expect(zeros(true)).toEqual([[0, 1]]);
    expect(zeros(false)).toEqual([]);
  });
});

describe('Parallel mode', () => {
  it('with at least as many passes as the prompt has tokens equals sequential mode', () => {
    fc.assert(
      fc.property(arbitrarySharing(), arbitraryTurn, fc.nat(2), (sharing, tokens, more) => {
        const [one, other] = [emptyKv(sharing), emptyKv(sharing)];
        const parallel = toyParallel(sharing, tokens, one, tokens.length + more);
        expect(parallel).toEqual(toySequential(sharing, tokens, other));
        expect(one).toEqual(other);
      }),
      runs,
    );
  });

  it('after n passes has the first n positions right', () => {
    fc.assert(
      fc.property(
        arbitrarySharing(),
        arbitraryTurn,
        fc.integer({ min: 1, max: 7 }),
        (sharing, tokens, passes) => {
          const parallel = toyParallel(sharing, tokens, emptyKv(sharing), passes);
          const sequential = toySequential(sharing, tokens, emptyKv(sharing));
          expect(parallel.slice(0, passes)).toEqual(sequential.slice(0, passes));
        },
      ),
      runs,
    );
  });

  it('of a plan that never reads above needs one pass', () => {
    const neverAbove = arbitrarySharing().filter(({ layers }) => !layers.some(readsAbove));
    fc.assert(
      fc.property(neverAbove, arbitraryTurn, (sharing, tokens) => {
        const parallel = toyParallel(sharing, tokens, emptyKv(sharing), 1);
        expect(parallel).toEqual(toySequential(sharing, tokens, emptyKv(sharing)));
      }),
    );
  });
});

it('Layer runs per prompt token count the layers of iterated groups once per pass, and others once', () => {
  const passes = { forward: 7, backward: 2 };
  expect(prefillLayerPasses(sharingOf('0_1_2_3'), passes)).toBe(4);
  expect(prefillLayerPasses(sharingOf('0_6_6_6_6_6_6_7'), passes)).toBe(2 + 6 * 9);
});

it('Every owner’s KV is computed in every pass of an iterated group', () => {
  fc.assert(
    fc.property(arbitrarySharing(), arbitraryPasses, (sharing, passes) => {
      for (const { group, steps } of prefillSchedule(sharing, passes, { firstTurn: true, everyRow: false })) {
        const owners = ownersOf(sharing.layers).filter((owner) => group.start <= owner && owner < group.stop);
        expect(steps.filter(({ ownsKv }) => ownsKv).map(({ layer }) => layer)).toEqual(owners);
      }
    }),
  );
});
