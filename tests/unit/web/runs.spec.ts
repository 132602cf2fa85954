import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openSpace } from '../../../worker/storage/space.ts';
import { csvCell } from '../../../worker/csv.ts';
import { runsAsCsv, runsAsJson } from '../../../web/panels/runs/export-runs.ts';
import { RunLibrary } from '../../../web/playground/run-library.svelte.ts';
import { sortRuns } from '../../../web/panels/runs/sort-runs.ts';
import { readStoredRun } from '../../../web/playground/read-stored-run.ts';
import { storedRunOf } from '../../../web/playground/stored-run.ts';
import { fc } from '../../support/seeded-properties.ts';
import { run, stored } from './stored-run-fixture.ts';

const space = openSpace('runs', (value): value is unknown => value !== undefined);
/** Waits until the device has as many runs as this. */
const deviceHas = (count: number) =>
  vi.waitFor(async () => {
    expect(await space.keys()).toHaveLength(count);
  });
beforeEach(() => space.remove());

describe('kept runs', () => {
  it('survive a reload with their changes, newest first', async () => {
    const library = new RunLibrary();
    library.record(run(1), 'first');
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(library.all[0]?.endedAt ?? Infinity));
    library.record(run(2), 'second');
    const [second, first] = library.all;
    library.rename(first?.id ?? '', '  the first  ');
    library.pin(first?.id ?? '', true);
    const changed = { ...first, name: 'the first', pinned: true };
    await vi.waitFor(async () => {
      expect(await space.get([first?.id ?? ''])).toEqual(changed);
    });
    const reloaded = new RunLibrary();
    await reloaded.restore();
    expect(reloaded.all).toEqual([second, changed]);
    await reloaded.remove(second?.id ?? '');
    await deviceHas(1);
    expect(reloaded.all).toEqual([changed]);
    reloaded.takeBack();
    await deviceHas(2);
    expect(reloaded.all).toEqual([second, changed]);
    expect(reloaded.removed).toBeNull();
    await reloaded.remove(second?.id ?? '');
    await deviceHas(1);
    expect(reloaded.trouble).toBeNull();
  });

  it('leave out foreign entries of the store, which can be deleted', async () => {
    await space.set(['good'], stored({ id: 'good' }));
    await space.set(['text'], 'no run');
    await space.set(['number'], stored({ id: 'x', kvBytes: NaN }));
    await space.set(['kind'], { ...stored({}), prompt: { toString: () => '<b>' }.toString.name.length });
    await space.set(['end'], { ...stored({}), end: 'javascript:alert(1)' });
    await space.set(['long'], stored({ text: 'a'.repeat(100_001) }));
    const library = new RunLibrary();
    await space.set([], stored({ id: 'good' }));
    await library.restore();
    expect(library.all.map(({ id }) => id)).toEqual(['good']);
    expect(library.unreadable).toBe(6);

    await library.removeUnreadable();
    expect(library.unreadable).toBe(0);
    expect(await space.keys()).toEqual([['good']]);
  });

  it('are each under their own key, so that all can be deleted, and what is none is counted', async () => {
    const space = openSpace('runs', (value): value is unknown => value !== undefined);
    await space.set(['a'], stored({ id: 'a' }));
    await space.set(['b'], stored({ id: 'a' })); // twice in one list would break it
    await space.set(['c'], stored({ id: 'c', endedAt: 1e300 })); // no Date can say it
    const library = new RunLibrary();
    await library.restore();
    expect(library.all.map(({ id }) => id)).toEqual(['a']);
    expect(library.unreadable).toBe(2);
  });

  it('are limited in number, and keep pinned runs', async () => {
    const library = new RunLibrary();
    library.all = Array.from({ length: 500 }, (_, i) =>
      stored({ id: String(i), endedAt: i, pinned: i === 0 }),
    );
    library.record(run(1), '');
    library.record(run(2), '');
    await vi.waitFor(() => expect(library.all).toHaveLength(501));
    expect(library.all.at(-1)).toMatchObject({ id: '0', pinned: true });
    await deviceHas(2);
  });

  it('leave out a run without figures', () => {
    expect(storedRunOf({ ...run(1), kv: null }, '', 0)).toBeNull();
    expect(storedRunOf({ ...run(1), end: { failure: { code: 'no-model' } } }, '', 0)).toBeNull();
    expect(readStoredRun(null)).toBeNull();
  });
});

describe('a list of runs', () => {
  it('is sorted by a column, pinned ones first', () => {
    const runs = [
      stored({ id: 'a', kvBytes: 2 }),
      stored({ id: 'b', kvBytes: 1 }),
      stored({ id: 'c', kvBytes: 3, pinned: true }),
    ];
    const ids = (ascending: boolean) => sortRuns(runs, { by: 'kvBytes', ascending }).map(({ id }) => id);
    expect(ids(true)).toEqual(['c', 'b', 'a']);
    expect(ids(false)).toEqual(['c', 'a', 'b']);
  });

  it('is exported completely, with every cell quoted', () => {
    const hostile = stored({ name: '=HYPERLINK("http://x")', prompt: '-2+3', text: '\t=1,\n"quoted"' });
    expect(JSON.parse(runsAsJson([hostile]))).toEqual([hostile]);
    const csv = runsAsCsv([hostile]);
    expect(csv.split('\r\n')[0]).toContain('"id","endedAt","name"');
    expect(csv).toContain(`"'=HYPERLINK(""http://x"")"`);
    expect(csv).toContain(`,"'-2+3","'\t'=1,\n""quoted"""`);
    expect(csvCell(null)).toBe('""');
    expect(csvCell('Once, "there"; was = a king')).toBe('"Once, ""there""; was = a king"');
  });

  it('has numbers as numbers, negative ones too', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(csvCell(value)).toBe(`"${value}"`);
      }),
    );
  });

  it('has no text that a spreadsheet would run, wherever it splits cells', () => {
    const unit = fc.constantFrom(
      ...[
        '=',
        '+',
        '-',
        '@',
        '＝',
        '＋',
        '－',
        '＠',
        '﹦',
        '−',
        ';',
        '\t',
        '\r',
        '\n',
        ' ',
        ',',
        '"',
        "'",
        'a',
      ],
      ...['\u200B', '\uFEFF', '\u2060', '\u00AD', '\u00A0', '\u3000', '\u0000', '\u202E', '😀', '\uD800'],
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
        const cell = csvCell(text);
        expect(cell).toMatch(/^"([^"]|"")*"$/);
        const shown = cell.slice(1, -1).replaceAll('""', '"');
        expect(shown).not.toMatch(/^[;\t\r\n]/);
        for (const part of shown.split(/[;\t\r\n]/)) {
          const seen = part.replace(/^[\s\p{C}\u00AD]+/u, '');
          expect(seen).not.toMatch(/^[=+\-@＝＋－＠﹦−]/);
        }
        // Only apostrophes were added.
        expect(shown.replaceAll("'", '')).toBe(text.replaceAll("'", ''));
      }),
      { numRuns: 5000 },
    );
  });

  it('is written in linear time', () => {
    const startMs = performance.now();
    for (const text of ['\t', ' ', '\t ', ';\u200B', '=']) csvCell(text.repeat(100_000));
    expect(performance.now() - startMs).toBeLessThan(2000);
  });
});
