import { describe, expect, it } from 'vitest';
import { EditHistory } from '../../../web/playground/edit-history.svelte.ts';
import {
  ownKv,
  readEntries,
  repoint,
  shiftTargets,
  toggleWindow,
} from '../../../web/panels/picture/plan-edit.ts';
import { fc } from '../../support/seeded-properties.ts';

describe('edits of a plan as text', () => {
  it('change their own entries and keep all others as typed', () => {
    expect(repoint('0_6_6_6_x_6_6_7', 8, [1, 2], 0)).toBe('0_0_0_6_x_6_6_7');
    expect(repoint('0_1s_2', 3, [1], 0)).toBe('0_0s_2');
    expect(ownKv('2_2_2', 3, [0, 1])).toBe('0_1_2');
    expect(shiftTargets('0_1_2', 3, [0, 1, 2], 1)).toBe('1_2_2');
    expect(shiftTargets('0_x_2', 3, [1], -1)).toBe('0_0_2');
  });

  it('repair wrong and missing entries', () => {
    expect(repoint('0_9_2', 3, [1], 2)).toBe('0_2_2');
    expect(repoint('0', 3, [2], 2)).toBe('0__2');
    expect(toggleWindow('0__2', 3, [1])).toBe('0_1s_2');
  });

  it('add the window to a whole selection before removing it', () => {
    expect(toggleWindow('0_1s_2', 3, [0, 1])).toBe('0s_1s_2');
    expect(toggleWindow('0s_1s_2', 3, [0, 1])).toBe('0_1_2');
  });

  it('never throw, whatever the text is', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 1, max: 48 }),
        fc.array(fc.nat(60)),
        (text, count, layers) => {
          readEntries(text, count);
          repoint(text, count, layers, 3);
          toggleWindow(text, count, layers);
          shiftTargets(text, count, layers, -1);
        },
      ),
    );
  });
});

describe('entries', () => {
  it('are checked one by one', () => {
    const rows = readEntries('0_9_x_3s_', 5);
    expect(rows.map(({ problem }) => problem)).toEqual([
      null,
      'there is no layer 9',
      '"x" is not a layer number',
      null,
      'the entry is empty',
    ]);
    expect(rows[3]).toMatchObject({ readsFrom: 3, windowed: true });
  });

  it('beyond the layers of the model are shown, up to a bound', () => {
    expect(readEntries('0_1_2_3', 2).map(({ problem }) => problem)).toEqual([
      null,
      null,
      'the model has 2 layers',
      'the model has 2 layers',
    ]);
    expect(readEntries('_'.repeat(5000), 2).length).toBeLessThan(20);
  });
});

describe('the history of edits', () => {
  it('undoes and redoes, and drops undone edits after a new one', () => {
    const history = new EditHistory();
    history.record('a', 'drag', 0);
    history.record('b', 'drag', 5000);
    expect(history.undo('c')).toBe('b');
    expect(history.undo('b')).toBe('a');
    expect(history.undo('a')).toBeNull();
    expect(history.redo('a')).toBe('b');
    history.record('b', 'typing', 9000);
    expect(history.redo('x')).toBeNull();
  });

  it('undoes quick typing in one step', () => {
    const history = new EditHistory();
    history.record('', 'typing', 0);
    history.record('0', 'typing', 100);
    history.record('0_', 'typing', 200);
    expect(history.undo('0_1')).toBe('');
  });
});
