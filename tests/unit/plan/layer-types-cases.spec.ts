import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { groupsOf } from '../../../gpu/plan/forward-plan.ts';
import { ownersOf, parseLayerTypes } from '../../../gpu/plan/layer-types.ts';

interface Case {
  readonly text: string;
  readonly layers: number;
  /** The index of the wrong entry, if there is one. */
  readonly wrong?: number;
  readonly entries?: readonly (readonly [readsFrom: number, windowed: boolean])[];
  readonly owners?: readonly number[];
  readonly groups?: readonly (readonly [start: number, stop: number, iterated: boolean])[];
}

// tools/train/tests/test_layer_types.py tests the trainer with the same file.
const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/layer-types.json'), 'utf8'),
) as readonly Case[];

describe('The cases that the tests of the trainer share', () => {
  it.each(cases)('$text', ({ text, layers, wrong, entries, owners, groups }) => {
    const parsed = parseLayerTypes(text, layers);
    if (!parsed.ok) {
      expect(parsed.at).toBe(wrong);
      return;
    }
    expect(wrong).toBeUndefined();
    if (entries)
      expect(parsed.value.map(({ readsFrom, windowed }) => [readsFrom, windowed])).toEqual(entries);
    expect(ownersOf(parsed.value)).toEqual(owners);
    expect(groupsOf(parsed.value).map(({ start, stop, iterated }) => [start, stop, iterated])).toEqual(
      groups,
    );
  });
});
