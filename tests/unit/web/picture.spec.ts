import { describe, expect, it } from 'vitest';
import { heatFigure } from '../../../web/panels/convergence/heat-figure.ts';
import { kernelBars, kernelFigure } from '../../../web/panels/charts/kernel-bars.ts';
import { familyCurve } from '../../../web/panels/family/family-curve.ts';
import { familyFigure } from '../../../web/panels/family/family-figure.ts';
import { plainCache, storesTold } from '../../../web/panels/picture/held-cache.ts';
import { pictureFigure, type Pictured } from '../../../web/panels/picture/picture-figure.ts';
import { captionOf } from '../../../web/playground/caption.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';
import { divergenceFigure } from '../../../web/ui/divergence-figure.ts';
import { fileName } from '../../../web/ui/file-name.ts';
import { asSvg } from '../../../web/ui/picture/as-svg.ts';
import { framed, wrapped, type Figure } from '../../../web/ui/picture/frame.ts';
import { lineFigure } from '../../../web/ui/picture/line-figure.ts';
import { ticksBetween, ticksTo } from '../../../web/ui/picture/ticks.ts';
import { formatBits, formatBytes } from '../../../web/ui/format.ts';
import { sharingOf } from '../../support/arbitrary-plans.ts';
import { fc } from '../../support/seeded-properties.ts';

const chart = (label = 'this plan', title = 'KV bytes in use'): Figure =>
  lineFigure({
    ...{ title, xLabel: 'tokens', yLabel: 'KV in use', format: formatBytes, binary: true },
    x: [10, 11, 12],
    lines: [
      { label, y: [7680, 8448, 9216] },
      { label: 'plain LLaMA', y: [20_480, 22_528, 24_576] },
    ],
  });

/** The picture of a plan of four layers, and of its cache if there is one. */
const pictured = (given: Partial<Pictured> & Pick<Pictured, 'layerTypes'>): Figure =>
  pictureFigure('Plan and cache', {
    ...{ layerCount: 4, passes: 9, cache: null, planned: [], tokens: 16, total: null, bytesOf: () => null },
    ...given,
  });

/** The texts of an SVG file, as a reader sees them. */
const textsIn = (svg: string) =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) =>
    text
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&'),
  );

describe('a saved picture', () => {
  it('has title, axes, legend and caption', () => {
    const svg = asSvg(framed(chart(), ['Model fairy-lckv; plan 0_6_6', 'Drawn by kvtab']));
    expect(svg).toContain('<title>KV bytes in use</title>');
    const texts = textsIn(svg);
    for (const text of [
      'KV bytes in use',
      'tokens',
      'KV in use',
      'this plan',
      'plain LLaMA',
      '24 KiB',
      '0 B',
    ]) {
      expect(texts).toContain(text);
    }
    expect(texts).toContain('Model fairy-lckv; plan 0_6_6');
    expect(svg).toContain('stroke-dasharray="6 4"');
  });

  it('shows the distance of two texts by position, and where the likeliest tokens differ', () => {
    const divergence = { kl: Float32Array.of(0.25, 0, 1), agrees: [true, true, false], of: 3 };
    const figure = divergenceFigure('Distance', divergence);
    const texts = textsIn(asSvg(framed(figure, [])));
    for (const text of ['Distance', '0', '0.25', '1', 'position', 'the likeliest token is another']) {
      expect(texts).toContain(text);
    }
    const bars = figure.shapes.flatMap((shape) =>
      shape.kind === 'path' && shape.fill !== null
        ? [[...shape.d.matchAll(/v([\d.]+)/g)].map(([, v]) => Number(v))]
        : [],
    );
    // Heights are square roots. A position that differs also has a mark of 4 px.
    expect(bars).toEqual([
      [80, 0],
      [160, 4],
    ]);
    const empty = divergenceFigure('Distance', { kl: new Float32Array(), agrees: [], of: 0 });
    expect(asSvg(framed(empty, []))).not.toMatch(/NaN|Infinity/);
  });

  it('shows hostile text as text, wherever it comes from', () => {
    const unit = fc.constantFrom(
      ...[
        '<',
        '>',
        '&',
        '"',
        "'",
        '\u0000',
        '\u202E',
        '\n',
        '\uD800',
        '\uFFFE',
        'a',
        ']]>',
        '<script>',
        '語',
      ],
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
        const svg = asSvg(framed(chart(text, text), [text]));
        const tags = svg.replace(/="[^"]*"/g, '').match(/<[^>]*>/g) ?? [];
        for (const tag of tags) expect(tag).toMatch(/^<\/?(svg|title|rect|text|path)\b[^<]*>$/);
        for (const forbidden of ['\u0000', '\u202E', '\uFFFE', '<script'])
          expect(svg).not.toContain(forbidden);
        expect(svg.isWellFormed()).toBe(true);
      }),
    );
    expect(textsIn(asSvg(framed(chart(), ['<b>&amp;</b>'])))).toContain('<b>&amp;</b>');
  });

  it('stays inside its frame, however long a caption is', () => {
    const long = `Model x; plan ${'20_'.repeat(400)}`;
    const { widthPx, heightPx, shapes } = framed(chart(), [long]);
    const texts = shapes.flatMap((shape) => (shape.kind === 'text' ? [shape] : []));
    expect(Math.max(...texts.map(({ y }) => y))).toBeLessThan(heightPx);
    for (const { text, x, sizePx, anchor } of texts) {
      if (anchor === 'start') expect(x + 0.56 * sizePx * text.length).toBeLessThanOrEqual(widthPx);
    }
    expect(texts.map(({ text }) => text).join('')).toContain('20_'.repeat(20));
  });

  it('of a plan has every layer, its arrows, the marks that it uses, and what it would hold', () => {
    const texts = textsIn(asSvg(framed(pictured({ layerTypes: '0_2s_2_x' }), [])));
    expect(texts).toEqual(
      expect.arrayContaining(['0', '1', '2', '3', '2s window', 'keeps KV', 'through the window']),
    );
    expect(texts.some((text) => text.startsWith('x'))).toBe(true);
    const planned = [{ owner: 2, ranges: [{ from: 4, to: 16 }] }];
    const svg = asSvg(framed(pictured({ layerTypes: '0_2_2_3', planned }), []));
    expect(textsIn(svg)).toEqual(expect.arrayContaining(['9×', 'this plan’s cache', 'plain LLaMA’s']));
    expect(textsIn(svg)).not.toContain('through the window');
    expect(svg.match(/stroke-dasharray="4 3"/g)).toHaveLength(1);
  });

  it('of a cache says what each layer holds and their sum, and one path is enough for a shade', () => {
    const { layers } = sharingOf('0_2s_2s_0', { windowTokens: 8 });
    const given = {
      layerTypes: '0_2s_2s_0',
      tokens: 1000,
      bytesOf: (layer: number) => (layer === 0 ? 1000 * 256 : layer === 2 ? 8 * 256 : null),
      total: { bytes: 1008 * 256, plainBytes: 4000 * 256 },
    };
    const full = pictured({ ...given, cache: plainCache(layers, 8, 1000) });
    const bare = pictured(given);
    const pathsOf = ({ shapes }: Figure) => shapes.filter(({ kind }) => kind === 'path').length;
    expect(pathsOf(full) - pathsOf(bare)).toBeLessThan(5);
    expect(textsIn(asSvg(framed(full, [])))).toEqual(
      expect.arrayContaining(['250 KiB', '2 KiB', '252 KiB', '25.2 % of plain LLaMA’s 1000 KiB', 'held']),
    );
    const heads = [{ positions: [0, 5, 6], scores: [3, 1, 0.5], state: null }];
    const cache = { textTokens: 7, stores: storesTold(layers, [{ owner: 0, heads }]) };
    const evicted = pictured({ layerTypes: '0_2s_2s_0', tokens: 7, cache });
    expect(textsIn(asSvg(framed(evicted, [])))).toContain('held: the darker, the higher its score');
    // A cell for each row held, each of another shade.
    expect(pathsOf(evicted) - pathsOf(pictured({ layerTypes: '0_2s_2s_0', tokens: 7 }))).toBe(3);
    const empty = pictured({ layerTypes: '0_2s_2s_0', cache: plainCache(layers, 8, 0) });
    expect(asSvg(framed(empty, []))).not.toMatch(/NaN|Infinity/);
  });

  it('of the family names every model', () => {
    const measured = (kvBytesAtContext: number, bitsPerByte: number) => ({
      kvBytesAtContext,
      bitsPerByte,
      contextTokens: 512,
    });
    const stored = {
      layerTypes: '0',
      slidingWindow: 1,
      forwardPasses: 1,
      backwardPasses: 1,
      forceNodiag: false,
    };
    const curve = familyCurve([
      {
        id: 'fairy-llama',
        name: '',
        description: '',
        kernels: [],
        stored,
        measured: measured(2 ** 20, 1.4445),
      },
      { id: 'fairy-cla', name: '', description: '', kernels: [], stored, measured: measured(2 ** 19, 1.5) },
    ]);
    if (!curve) throw new Error('two models make a curve');
    const texts = textsIn(asSvg(framed(familyFigure('Quality against KV', curve), [])));
    expect(texts).toEqual(expect.arrayContaining(['llama', 'cla', 'Bits per byte', '512 KiB', '1 MiB']));
  });

  it('of a heat map has one path per shade, and a scale', () => {
    const relative = Float32Array.from({ length: 3 * 500 }, (_, i) => (i < 500 ? 1 : i / 1e6));
    const figure = heatFigure('Movement', { passes: 3, relative });
    expect(figure.shapes.filter(({ kind }) => kind === 'path').length).toBeLessThan(40);
    expect(textsIn(asSvg(framed(figure, [])))).toEqual(
      expect.arrayContaining(['pass', 'position', '1', '2', '3', 'did not move', 'moved by 100 %']),
    );
  });

  it('of a run names the policy of its cache, unless everything is kept', () => {
    const run = {
      modelId: 'fairy-lckv',
      layerTypes: '0_6_6_6_6_6_6_7',
      adapter: null,
      settings: defaultConfig,
    };
    expect(captionOf(run).join()).not.toContain('Cache:');
    const settings = { ...run.settings, policy: 'h2o', policyHeavy: 6, policyRecent: 9 };
    expect(captionOf({ ...run, settings })[1]).toMatch(/^Cache: .*h2o, .*6, .*9/);
  });

  it('of kernels has their times and fractions', () => {
    const bars = kernelBars([
      { kernel: 'attend', dispatches: 2, gpuUs: 75 },
      { kernel: 'head', dispatches: 1, gpuUs: 25 },
    ]);
    expect(textsIn(asSvg(framed(kernelFigure(bars), [])))).toEqual(
      expect.arrayContaining(['attend', '75 µs, 75 %', 'head', '25 µs, 25 %', 'µs per token']),
    );
  });
});

describe('ticks', () => {
  it('are round, and cover the values', () => {
    expect(ticksTo(83, 5)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticksTo(9 * 1024, 5, true)).toEqual([0, 2048, 4096, 6144, 8192, 10_240]);
    expect(ticksTo(0, 5)).toEqual([0, 1]);
    expect(ticksBetween(11, 138, 8)).toEqual([20, 40, 60, 80, 100, 120]);
  });
});

it('A long line is cut at spaces, or anywhere if there are none', () => {
  expect(wrapped('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrapped('0_1_2_3_4', 4)).toEqual(['0_1_', '2_3_', '4']);
  expect(wrapped('a 123456', 4)).toEqual(['a', '1234', '56']);
});

it('A file is named after what it holds, on every system', () => {
  expect(fileName(['KV bytes in use', 'fairy-lckv', '0_6_6'], 'svg')).toBe(
    'kvtab-KV-bytes-in-use-fairy-lckv-0_6_6.svg',
  );
  expect(fileName(['../../etc/passwd', 'a\u202Egnp.exe', 'CON:*?"<>|'], 'png')).toMatch(
    /^kvtab-[\p{L}\p{N}._-]+\.png$/u,
  );
  expect(fileName(['0_'.repeat(200)], 'csv').length).toBeLessThan(130);
});

it('The same figure has the same digits everywhere, also where binary numbers are a little less', () => {
  expect(formatBits(1.4445, 3)).toBe('1.445');
  expect(formatBits(1.4444, 3)).toBe('1.444');
  expect(formatBits(1.005, 2)).toBe('1.01');
  expect(formatBits(2, 3)).toBe('2.000');
});
