import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { comparisonAsCsv } from '../../../web/panels/compare/comparison-csv.ts';
import { contendersHash } from '../../../web/panels/compare/contender-link.ts';
import { readComparison } from '../../../web/panels/compare/read-comparison.ts';
import { decodeHash } from '../../../web/settings/hash.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import { modelIsReady } from '../../../web/playground/model-is-ready.svelte.ts';
import { Comparison } from '../../../web/panels/compare/comparison.svelte.ts';
import { facts, loaded, openComparison, resultOf, space } from './open-comparison.ts';

/** Two contenders that differ in their plan. */
async function openPair() {
  const opened = await openComparison();
  const { playground, comparison } = opened;
  comparison.add();
  playground.planEditor.edit('0_0', 'typing');
  comparison.add();
  return opened;
}

beforeEach(async () => {
  await space.remove();
  await openSpace('runs', (value): value is unknown => value !== undefined).remove();
});

describe('a comparison', () => {
  it('loads each configuration with all settings, and the page’s own at the end', async () => {
    const { engine, playground, comparison } = await openComparison();
    playground.set('weights', 'q4');
    playground.set('quantizeEmbeddings', true);
    await loaded(playground);
    comparison.add();
    playground.set('quantizeEmbeddings', false);
    playground.set('kvPrecision', 'f32');
    playground.set('slidingWindow', 9);
    await loaded(playground);
    comparison.add();
    playground.set('backend', 'cpu');
    await loaded(playground);
    engine.loads.length = 0;
    await comparison.run();
    const common = { model: 'fairy-lckv', weights: 'q4', workgroupRows: 'automatic' };
    expect(engine.loads).toEqual([
      { ...common, backend: 'webgpu', quantizeEmbeddings: true },
      { ...common, backend: 'webgpu', quantizeEmbeddings: false },
      // Timed in the other order, so that the model that is loaded stays.
      { ...common, backend: 'webgpu', quantizeEmbeddings: true },
      { ...common, backend: 'cpu', quantizeEmbeddings: false },
    ]);
    expect(engine.runs.map(({ kvPrecision, config }) => [kvPrecision, config.slidingWindow])).toEqual([
      ['f16', 64],
      ['f32', 9],
      ['f32', 9],
      ['f16', 64],
    ]);
  });

  it('puts each run among the kept runs, with the medians of its rounds, its text and its link', async () => {
    const { engine, playground, comparison } = await openPair();
    comparison.rounds = 3;
    engine.answer = (number) => ({
      ...resultOf(number),
      text: `text ${number}`,
      promptTokens: 5,
      notices: [],
    });
    playground.config.prompt = 'A queen';
    await comparison.run();
    const kept = (await playground.desk.openLibrary()).all.toSorted((a, b) => a.id.localeCompare(b.id));
    expect(kept.map(({ name }) => name.replace(/ \d.* [AP]M/, ''))).toEqual([
      'Compared: 1 of 2',
      'Compared: 2 of 2',
    ]);
    expect(kept.map(({ layerTypes, text, prompt }) => [layerTypes, text, prompt])).toEqual([
      ['0_1', 'text 1', 'A queen'],
      ['0_0', 'text 2', 'A queen'],
    ]);
    // Two runs for the texts, then rounds BA AB BA.
    expect(kept.map(({ decodeTokensPerSec, prefillMs }) => [decodeTokensPerSec, prefillMs])).toEqual([
      [5, 95],
      [6, 94],
    ]);
    expect(kept[0]?.prefillTokensPerSec).toBeCloseTo(5000 / 95);
    expect(decodeHash(kept[1]?.link ?? '').values).toMatchObject({ layerTypes: '0_0', prompt: 'A queen' });
  });

  it('gives all of them the current prompt and sampling', async () => {
    const { engine, playground, comparison } = await openComparison();
    comparison.add();
    playground.set('seed', 9);
    playground.set('prompt', 'Twice');
    comparison.add();
    playground.set('topK', 3);
    await comparison.run();
    for (const { input, sampling } of engine.runs) {
      expect(input).toEqual({ text: 'Twice' });
      expect(sampling).toMatchObject({ seed: 9, topK: 3 });
    }
    expect(engine.runs).toHaveLength(4);
  });

  it.each([true, false])('waits for the model, and says so (which then is there: %s)', async (isThere) => {
    const { engine, playground, comparison: ready } = await openPair();
    let answer: (isThere: boolean) => void = () => undefined;
    let isWanted: () => boolean = () => false;
    const comparison = new Comparison(playground, (_, wanted) => {
      isWanted = wanted;
      return new Promise((resolve) => (answer = resolve));
    });
    comparison.contenders = ready.contenders;
    const compared = comparison.run();
    expect([comparison.waiting, comparison.ready, isWanted()]).toEqual([true, false, true]);
    comparison.contenders = [];
    expect(isWanted()).toBe(false);
    comparison.contenders = ready.contenders;
    answer(isThere);
    await compared;
    expect([comparison.waiting, comparison.ready]).toEqual([false, true]);
    expect(engine.runs.length > 0).toBe(isThere);
  });

  it('runs on the CPU what was chosen before the page fell back to it', async () => {
    const { engine, playground, comparison } = await openPair();
    engine.load = (request) => {
      engine.loads.push(request);
      return Promise.resolve(
        request.backend === 'webgpu'
          ? { ok: false, failure: { code: 'no-webgpu', reason: 'none' } }
          : { ok: true, value: facts },
      );
    };
    playground.load();
    await loaded(playground);
    engine.loads.length = 0;
    await comparison.run();
    expect(engine.loads.map(({ backend }) => backend)).toEqual(['cpu']);
    expect(comparison.result?.entries.map(({ failure }) => failure)).toEqual([null, null]);
    expect(comparison.contenders.map(({ config }) => config.backend)).toEqual(['cpu', 'cpu']);
  });

  it('is stopped while it runs, and while it waits for the model', async () => {
    const { engine, playground, comparison } = await openPair();
    engine.whenRunning = () => {
      expect(comparison.running).toBe(true);
      comparison.stop();
    };
    await comparison.run();
    expect(engine.stop).toHaveBeenCalled();
    expect([comparison.running, comparison.stopped]).toEqual([false, true]);
    engine.whenRunning = () => undefined;
    await comparison.run();
    expect([comparison.running, comparison.stopped]).toEqual([false, false]);
    let isWanted: () => boolean = () => true;
    const waiting = new Comparison(playground, (_, wanted) => {
      isWanted = wanted;
      waiting.stop();
      return Promise.resolve(wanted());
    });
    waiting.contenders = comparison.contenders;
    engine.runs.length = 0;
    await waiting.run();
    expect([isWanted(), waiting.running, engine.runs.length]).toEqual([false, false, 0]);
  });

  it('takes a whole family at once, which can be taken back', async () => {
    const { playground, comparison } = await openPair();
    const before = comparison.contenders;
    comparison.replaceBy(
      Array.from({ length: 9 }, () => ({ config: playground.config, runner: 'kvtab' as const })),
      'The family came.',
    );
    expect(comparison.contenders).toHaveLength(8);
    expect(comparison.full).toBe(true);
    expect(comparison.undo?.what).toBe('The family came.');
    comparison.takeBack();
    expect(comparison.contenders).toEqual(before);
  });

  it('cannot start while another panel has the engine', async () => {
    const { playground, comparison } = await openPair();
    await loaded(playground);
    expect(comparison.ready).toBe(true);
    const { phase } = playground;
    if (phase.at !== 'ready') throw new Error(phase.at);
    playground.phase = { at: 'evaluating', model: phase.model, what: 'Elsewhere', fraction: 0 };
    expect(comparison.ready).toBe(false);
  });

  it('does not start with a loaded model if nobody wants it any more', async () => {
    const { playground } = await openPair();
    await loaded(playground);
    expect(await modelIsReady(playground, () => false)).toBe(false);
    expect(await modelIsReady(playground, () => true)).toBe(true);
  });

  it('does not touch the engine after the person chose another model', async () => {
    const { engine, playground, comparison } = await openComparison();
    comparison.add();
    comparison.add();
    engine.whenRunning = () => {
      if (engine.runs.length === 1) playground.set('weights', 'q8');
    };
    await comparison.run();
    expect(engine.loads.at(-1)).toMatchObject({ weights: 'q8' });
    expect(engine.runs).toHaveLength(1);
    expect(comparison.result).toBeNull();
  });

  it('warms up first, then times in rounds, forwards and backwards by turns', async () => {
    const { engine, comparison } = await openPair();
    comparison.rounds = 3;
    await comparison.run();
    const [first, other] = comparison.contenders;
    const plans = engine.runs.map(({ config }) => (config.layerTypes === '0_1' ? 'A' : 'B'));
    expect(plans.join('')).toBe('AB' + 'BA' + 'AB' + 'BA');
    // All have the same load: nothing is loaded in between, nor at the end.
    expect(engine.loads).toHaveLength(2);
    expect(comparison.result?.entries).toMatchObject([
      { contender: first?.id, run: { decodeTokensPerSec: [4, 5, 8], prefillMs: [96, 95, 92] } },
      { contender: other?.id, run: { decodeTokensPerSec: [3, 6, 7] } },
    ]);
  });

  it('keeps what was measured if it is stopped while it is timed, and nothing before', async () => {
    const { engine, comparison } = await openPair();
    const stopAt = (last: number) => {
      engine.runs.length = 0;
      engine.answer = (number) => ({ ...resultOf(number), end: number === last ? 'stopped' : 'length' });
    };
    stopAt(2);
    await comparison.run();
    expect(comparison.result).toBeNull();
    stopAt(4);
    await comparison.run();
    expect(comparison.result?.entries).toMatchObject([
      { run: { text: 'a', decodeTokensPerSec: [] } },
      { run: { decodeTokensPerSec: [3] } },
    ]);
  });

  it('keeps its result, and says its prompt, when a contender is removed or taken back', async () => {
    const { playground, comparison } = await openPair();
    await comparison.run();
    const { result, contenders } = comparison;
    playground.set('prompt', 'Another');
    comparison.remove(contenders[0]?.id ?? -1);
    expect(comparison.contenders).toHaveLength(1);
    expect(comparison.result).toBe(result);
    expect(result).toMatchObject({ prompt: 'Once upon a time there was a king who' });
    expect(comparison.undo?.what).toBe('Configuration 1 was removed.');
    comparison.takeBack();
    expect(comparison.contenders).toEqual(contenders);
    expect(comparison.undo).toBeNull();
  });

  it('survives a reload', async () => {
    const { playground, comparison } = await openPair();
    await comparison.run();
    await vi.waitFor(async () => {
      expect(await space.get(['last'])).toMatchObject({ result: { prompt: expect.any(String) as string } });
    });
    const reloaded = new Comparison(playground);
    await reloaded.restore();
    expect(reloaded.result).toEqual(comparison.result);
    expect(reloaded.contenders).toEqual(comparison.contenders);
    reloaded.add();
    expect(new Set(reloaded.contenders.map(({ id }) => id)).size).toBe(3);
  });

  it('is read from the device only if it is a comparison', async () => {
    const { comparison } = await openPair();
    await comparison.run();
    const kept = { contenders: [{ id: 1, link: 'v=1&seed=2' }], result: comparison.result };
    expect(readComparison(structuredClone(kept))?.contenders[0]?.config.seed).toBe(2);
    const [entry] = comparison.result?.entries ?? [];
    const wrong = [
      null,
      { ...kept, contenders: [{ id: 1, link: 5 }] },
      { ...kept, contenders: Array.from({ length: 9 }, () => kept.contenders[0]) },
      { ...kept, contenders: [kept.contenders[0], kept.contenders[0]] },
      { ...kept, result: { ...comparison.result, endedAt: 1e300 } },
      { ...kept, result: { ...comparison.result, prompt: 'a'.repeat(1_000_001) } },
      { ...kept, result: { ...comparison.result, entries: [{ ...entry, failure: { toString: 0 } }] } },
      {
        ...kept,
        result: {
          ...comparison.result,
          entries: [{ ...entry, divergence: { kl: Float32Array.of(NaN), agrees: [true], of: 1 } }],
        },
      },
    ];
    for (const value of wrong) expect(readComparison(value)).toBeNull();
  });
});

describe('the link of a comparison', () => {
  it('opens the same contenders', async () => {
    const { playground, comparison } = await openPair();
    playground.set('kvPrecision', 'f32');
    comparison.add();
    playground.set('prompt', 'The & the');
    const link = contendersHash(playground.config, comparison.contenders);
    const other = await openComparison();
    const decoded = decodeHash(link);
    expect(decoded.complaints).toEqual([]);
    other.playground.openLink(decoded);
    await other.comparison.openLink(other.playground.linkedContenders);
    const compared = (from: Comparison) =>
      from.contenders.map(({ config: { layerTypes, kvPrecision } }) => [layerTypes, kvPrecision]);
    expect(compared(other.comparison)).toEqual(compared(comparison));
    expect(other.playground.config.prompt).toBe('The & the');
    expect(other.comparison.complaints).toEqual([]);
  });

  it('says which configurations it cannot open, and takes only settings that are compared', async () => {
    const { playground, comparison } = await openComparison();
    playground.openLink(
      decodeHash('v=1&1.layers=0_0&1.seed=7&1.colour=red&2.model=owner/name&3.window=9&9.window=5'),
    );
    await comparison.openLink(playground.linkedContenders);
    expect(comparison.contenders.map(({ config }) => [config.layerTypes, config.slidingWindow])).toEqual([
      ['0_0', 64],
      ['0_1', 9],
    ]);
    expect(comparison.contenders[0]?.config.seed).toBe(1);
    expect(comparison.complaints).toEqual([
      'configuration 1: “colour” is not known',
      'configuration 2 asks for the model owner/name, which is not here: load it and open the link again',
    ]);
  });

  it('replaces the contenders that stood there, which can be taken back', async () => {
    const { playground, comparison } = await openPair();
    const before = comparison.contenders;
    playground.openLink(decodeHash('v=1&1.window=9'));
    await comparison.openLink(playground.linkedContenders);
    expect(comparison.contenders).toHaveLength(1);
    comparison.takeBack();
    expect(comparison.contenders).toEqual(before);
  });
});

it('A comparison is exported as CSV, one line per contender, and runs nothing in a spreadsheet', async () => {
  const { playground, comparison } = await openPair();
  comparison.rounds = 3;
  playground.set('prompt', '=SUM(1)');
  await comparison.run();
  if (!comparison.result) throw new Error('it ran');
  const [header, ...lines] = comparisonAsCsv(comparison.contenders, comparison.result)
    .trimEnd()
    .split('\r\n');
  expect(lines).toHaveLength(2);
  const cells = (line = '') => line.slice(1, -1).split('","');
  const second = Object.fromEntries(cells(header).map((name, i) => [name, cells(lines[1])[i]]));
  expect(second).toMatchObject({
    ...{ configuration: '2', layerTypes: '0_0', prompt: "'=SUM(1)", kvBytesPerToken: '24', rounds: '3' },
    ...{ decodeTokensPerSecMedian: '6', decodeTokensPerSecLeast: '3', decodeTokensPerSecMost: '7' },
    ...{ top1Agreement: '0.5', meanKlNats: '0.375', maxKlNats: '0.5', text: 'a' },
  });
});
