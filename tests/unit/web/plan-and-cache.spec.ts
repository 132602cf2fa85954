import { describe, expect, it } from 'vitest';
import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { sinks } from '../../../gpu/kv/policies/sinks.ts';
import { kvBytesUnder } from '../../../gpu/kv/policies/usage.ts';
import { sees, maskOf } from '../../../gpu/kv/mask.ts';
import { cellSteps } from '../../../web/panels/picture/cell-steps.ts';
import { columnsFor } from '../../../web/panels/picture/columns.ts';
import { geometryFor, layerAt, planPx, rowY } from '../../../web/panels/picture/geometry.ts';
import { plainCache, rowsOf } from '../../../web/panels/picture/held-cache.ts';
import { plannedStores } from '../../../web/panels/picture/planned-cache.ts';
import { cellInWords, layerInWords, plannedInWords } from '../../../web/panels/picture/readings.ts';
import { seenIn } from '../../../web/panels/picture/seen-keys.ts';
import { stripesOf } from '../../../web/panels/picture/stripes.ts';
import { tokensToDraw } from '../../../web/panels/picture/tokens-to-draw.ts';
import { View } from '../../../web/panels/picture/view.svelte.ts';
import { arbitrarySharing, sharingOf } from '../../support/arbitrary-plans.ts';
import { tinyDims } from '../../support/random-model.ts';
import { fc } from '../../support/seeded-properties.ts';

const planning = { dims: tinyDims, precision: 'f16', policy: keepEverything, kernelRank: 0 } as const;

describe('what a plan would hold', () => {
  it('is what caches without a policy hold, and as many bytes as every other preview says', () => {
    fc.assert(
      fc.property(arbitrarySharing(), fc.integer({ min: 1, max: 200 }), (sharing, tokens) => {
        const planned = plannedStores({ ...planning, sharing }, tokens);
        const { stores } = plainCache(sharing.layers, sharing.windowTokens, tokens);
        expect(planned.map(({ owner, ranges }) => [owner, ranges])).toEqual(
          stores.map(({ owner, heads }) => [owner, heads[0]?.ranges]),
        );
        const bytes = planned.reduce((sum, store) => sum + store.bytes, 0);
        expect(bytes).toBe(kvBytesUnder(keepEverything, 0, sharing, tinyDims, 'f16', tokens));
      }),
    );
  });

  it('has sinks at the start of the text under a policy with sinks, and never more rows than the text', () => {
    const policy = { ...keepEverything, id: sinks.id, sinks: 2, recent: 5, heavy: 0 };
    const sharing = sharingOf('0_0');
    const of = (tokens: number) => plannedStores({ ...planning, sharing, policy }, tokens)[0]?.ranges;
    expect(of(20)).toEqual([
      { from: 0, to: 2 },
      { from: 15, to: 20 },
    ]);
    expect(of(4)).toEqual([{ from: 0, to: 4 }]);
  });
});

it('What a token sees in a store is what the masks of its readers say', () => {
  fc.assert(
    fc.property(arbitrarySharing(), fc.nat(30), (sharing, position) => {
      for (const owner of new Set(sharing.layers.map(({ readsFrom }) => readsFrom))) {
        const { from, to } = seenIn(sharing, owner, position);
        const readers = sharing.layers.filter(({ readsFrom }) => readsFrom === owner);
        const seen = Array.from({ length: 40 }, (_, key) => key).filter((key) =>
          readers.some((layer) => sees(position, key, maskOf(sharing, layer))),
        );
        if (seen.length > 0) expect([from, to]).toEqual([seen[0], (seen.at(-1) ?? 0) + 1]);
        else expect(to).toBeLessThanOrEqual(from);
      }
    }),
  );
});

describe('the width of the picture', () => {
  const none = { prompt: 'A', maxNewTokens: 128, contextTokens: 512, mostCells: 100 };
  const run = {
    prompt: 'A',
    promptTokens: 10,
    request: { maxNewTokens: 90 },
    textTokens: 40,
    writing: true,
  } as unknown as NonNullable<Parameters<typeof tokensToDraw>[0]['run']>; // it looks at nothing else

  it('is what could be asked for before a run, within the context', () => {
    expect(tokensToDraw({ run: null, ...none })).toBe(128);
    expect(tokensToDraw({ run: null, ...none, maxNewTokens: 9000 })).toBe(512);
    expect(tokensToDraw({ run: null, ...none, maxNewTokens: 1 })).toBe(16);
  });

  it('is what the run was asked for while it writes, so that nothing moves, and then what it wrote', () => {
    expect(tokensToDraw({ run, ...none })).toBe(100);
    expect(tokensToDraw({ run: { ...run, writing: false }, ...none })).toBe(40);
  });

  it('grows by doubling if a run was asked for more than has room', () => {
    const long = { ...run, request: { ...run.request, maxNewTokens: 5000 } };
    const at = (textTokens: number) => tokensToDraw({ run: { ...long, textTokens }, ...none });
    expect([at(1), at(99), at(100), at(399), at(4999)]).toEqual([100, 100, 200, 400, 5010]);
  });
});

describe('the layers of the picture', () => {
  it('have at least 420 px in a window of 1440 px, and leave cells on a phone', () => {
    expect(planPx(geometryFor(1000, 8))).toBeGreaterThanOrEqual(420);
    const phone = geometryFor(358, 8);
    expect(358 - planPx(phone) - phone.bytesPx).toBeGreaterThan(100);
  });

  it('are found where they are drawn', () => {
    for (const layerCount of [8, 22, 48]) {
      const { rowPx } = geometryFor(1000, layerCount);
      for (let layer = 0; layer < layerCount; layer++) {
        expect(layerAt(rowY(layer, layerCount, rowPx), layerCount, rowPx)).toBe(layer);
      }
    }
  });
});

describe('the part of the text in view', () => {
  it('is all of it at first, and a half of it after each zoom, around a position', () => {
    const view = new View();
    expect(view.range(400)).toEqual({ from: 0, to: 400 });
    view.zoomIn(400, 300);
    expect(view.range(400)).toEqual({ from: 200, to: 400 });
    view.zoomIn(400, 230);
    expect(view.range(400)).toEqual({ from: 180, to: 280 });
    view.zoomOut(400);
    view.zoomOut(400);
    expect([view.range(400), view.zoomed]).toEqual([{ from: 0, to: 400 }, false]);
  });

  it('lies within the text, however that changes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('in', 'out', 'begin'), fc.nat(300)), { maxLength: 12 }),
        fc.array(fc.integer({ min: 16, max: 300 }), { minLength: 1, maxLength: 4 }),
        (steps, lengths) => {
          const view = new View();
          for (const tokens of lengths) {
            for (const [step, position] of steps) {
              if (step === 'in') view.zoomIn(tokens, position);
              else if (step === 'out') view.zoomOut(tokens);
              else view.begin(position);
              const { from, to } = view.range(tokens);
              expect(from).toBeGreaterThanOrEqual(0);
              expect(to).toBeLessThanOrEqual(tokens);
              expect(to - from).toBeGreaterThanOrEqual(16);
            }
          }
        },
      ),
    );
  });
});

describe('cells by keyboard', () => {
  const size = { layers: 4, tokens: 10, tokensEach: 1 };

  it('begin at the first token, or from the end at the last', () => {
    expect(cellSteps('ArrowRight', null, size)).toEqual({ layer: 0, position: 0 });
    expect(cellSteps('Home', null, size)).toEqual({ layer: 0, position: 0 });
    expect(cellSteps('ArrowLeft', null, size)).toEqual({ layer: 0, position: 9 });
    expect(cellSteps('End', null, size)).toEqual({ layer: 0, position: 9 });
  });

  it('go up to later layers, as the picture draws them', () => {
    expect(cellSteps('ArrowUp', { layer: 1, position: 3 }, size)).toEqual({ layer: 2, position: 3 });
    expect(cellSteps('ArrowUp', { layer: 3, position: 3 }, size)).toEqual({ layer: 3, position: 3 });
    expect(cellSteps('ArrowDown', { layer: 1, position: 3 }, size)).toEqual({ layer: 0, position: 3 });
    expect(cellSteps('a', null, size)).toBeNull();
  });
});

describe('a cell in words', () => {
  const sharing = sharingOf('0_2s_2s_0', { windowTokens: 8 });
  const cache = plainCache(sharing.layers, 8, 20);
  const shown = (widthPx: number) => ({
    ...{ cache, sharing, columns: columnsFor({ from: 0, to: 20 }, widthPx) },
    tokenAt: (position: number) => `t${position}`,
  });
  const said = (layer: number, position: number, widthPx = 400) =>
    cellInWords({ layer, position }, shown(widthPx));

  it('says whether its layer holds it, who reads it, and what it sees', () => {
    expect(said(0, 5)).toBe('Token 5 (t5), held by layer 0, read by 0, 3, it sees tokens 0–5');
    expect(said(2, 5)).toBe('Token 5 (t5), no longer held by layer 2, read by 1–2, it sees tokens 0–5');
    expect(said(1, 15)).toBe('Token 15 (t15), layer 1 holds nothing and reads layer 2, it sees tokens 8–15');
  });

  it('counts the rows of merged tokens', () => {
    expect(said(2, 11, 20)).toBe(
      'Tokens 8–11 (t8t9t10t11), layer 2 holds 0 of these 4, read by 1–2, it sees tokens 4–11',
    );
    expect(said(2, 12, 20)).toContain('layer 2 holds 4 of these 4');
  });

  it('says what a layer keeps, and nothing of one that keeps nothing', () => {
    expect(layerInWords(2, cache, 2048)).toBe('Layer 2 holds 8 tokens, 2 KiB, read by 1–2');
    expect([layerInWords(1, cache, 0), layerInWords(2, null, 0)]).toEqual(['', '']);
    const planned = { owner: 2, rows: 8, bytes: 2048 };
    expect(plannedInWords(planned, [1, 2])).toBe('Layer 2 would hold 8 tokens, 2 KiB, read by 1–2');
    expect(plannedInWords({ ...planned, bytes: null }, [2])).toBe('Layer 2 would hold 8 tokens, read by 2');
  });
});

describe('the stripes of a row', () => {
  const columns = columnsFor({ from: 0, to: 4 }, 40);
  const head = (from: number) => ({ ranges: [{ from, to: 4 }], scores: null });

  it('are one for each KV head if they differ', () => {
    expect(stripesOf([head(1), head(1)], columns, 4, 6)).toHaveLength(1);
    const [first, second] = stripesOf([head(1), head(2)], columns, 4, 6);
    expect([[...(first?.held ?? [])], [...(second?.held ?? [])]]).toEqual([
      [0, 1, 1, 1],
      [0, 0, 1, 1],
    ]);
  });

  it('merge if they would be too thin to see', () => {
    const [all, ...others] = stripesOf([head(1), head(2)], columns, 4, 1);
    expect(others).toEqual([]);
    expect([...(all?.held ?? [])]).toEqual([0, 0.5, 1, 1]);
  });

  it('hold as many rows as the cache', () => {
    const { stores } = plainCache(sharingOf('0').layers, Infinity, 4);
    const heads = stores[0]?.heads ?? [];
    const [filled] = stripesOf(heads, columns, 4, 6);
    expect(filled?.held.reduce((sum, each) => sum + each, 0)).toBe(heads[0] ? rowsOf(heads[0]) : NaN);
  });
});
