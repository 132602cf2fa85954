import { beforeEach, describe, expect, it, vi } from 'vitest';
import { succeed } from '../../../worker/outcome.ts';
import type { SequencesResult } from '../../../worker/protocol/sequences.ts';
import { Playground } from '../../../web/playground/playground.svelte.ts';
import { seedsFrom } from '../../../worker/settings/seeds-from.ts';
import { decodeHash, encodeHash } from '../../../web/settings/hash.ts';
import { factsOf, ScriptedEngine, settled, stored } from './scripted-engine.ts';

vi.stubGlobal('requestAnimationFrame', (draw: () => void) => setTimeout(draw));
vi.stubGlobal('cancelAnimationFrame', clearTimeout);

const written: SequencesResult = {
  sequences: [' a son', ' a fox', ' gold'].map((text, i) => ({
    ...{ mode: 'parallel', end: i === 1 ? 'end-of-text' : 'length', tokens: [1, 2, 3].slice(i), text },
    promptTokens: 3,
  })),
  notices: [],
  kv: { bytes: 288, allocatedBytes: 300, bytesPerToken: 96, layers: [] },
  timing: {
    ...{ prefillMs: 3, decodeMs: 9, prefillTokensPerSec: 4, throughputTokensPerSec: 120 },
    throughputWithPrefillTokensPerSec: 100,
  },
};

describe('several continuations of one prompt', () => {
  let engine: ScriptedEngine;
  let playground: Playground;

  beforeEach(async () => {
    engine = new ScriptedEngine();
    playground = new Playground(engine);
    const models = [{ id: playground.config.model, name: '', description: '', kernels: [], stored }];
    playground.start(Promise.resolve(models));
    await settled();
    const [asked] = engine.loads;
    if (!asked) throw new Error('the page loads its model');
    engine.answerLoad.shift()?.(succeed(factsOf(asked)));
    await settled();
    playground.set('continuations', 3);
    playground.set('seed', 7);
    playground.generate();
    await vi.waitFor(() => {
      expect(engine.batches).toHaveLength(1);
    });
  });

  const finish = async () => {
    engine.answerBatch.shift()?.(succeed(written));
    await settled();
  };

  it('are one request, whose sequences differ in their seeds alone', () => {
    const [request] = engine.batches;
    expect(engine.runs).toEqual([]);
    expect(request?.sequences.map(({ sampling }) => sampling.seed)).toEqual([7, 8, 9]);
    const [first, ...others] = (request?.sequences ?? []).map((each) => ({
      ...each,
      sampling: { ...each.sampling, seed: 0 },
    }));
    for (const other of others) expect(other).toEqual(first);
    expect(request?.tellTexts).toBe(true);
  });

  it('grow together, and Output has the first one and nothing else', async () => {
    engine.emit({
      type: 'sequence-texts',
      texts: [
        { sequence: 1, text: ' a f' },
        { sequence: 0, text: ' a' },
      ],
    });
    await vi.waitFor(() => {
      expect(playground.text).toBe(' a');
    });
    expect(playground.sideBySide?.texts.map(({ text }) => text)).toEqual([' a', ' a f', '']);
    playground.chooseText(1);
    expect(playground.text).toBe(' a');
    await finish();
    expect(playground.text).toBe(' a son');
    expect(playground.sideBySide?.texts.map(({ text, end }) => [text, end])).toEqual([
      [' a son', 'length'],
      [' a fox', 'end-of-text'],
      [' gold', 'length'],
    ]);
    // KV and speed are those of all together.
    expect(playground.run?.kv?.bytes).toBe(288);
    expect(playground.run?.timing?.decodeTokensPerSec).toBe(120);
  });

  it('become the text of the page and of the run, seed and link included, if one is chosen', async () => {
    await finish();
    await vi.waitFor(() => {
      expect(playground.desk.recorded).toMatchObject({ text: ' a son', seed: 7, continuations: 3 });
    });
    playground.chooseText(1);
    await settled();
    expect(playground.text).toBe(' a fox');
    expect(playground.config.seed).toBe(8);
    expect(playground.run).toMatchObject({ end: 'end-of-text', newTokens: 2, settings: { seed: 8 } });
    expect(decodeHash(playground.run?.link ?? '').values).toMatchObject({ seed: 8, continuations: 3 });
    expect(playground.desk.recorded).toMatchObject({ text: ' a fox', seed: 8, end: 'end-of-text' });
    expect(playground.desk.library?.all).toHaveLength(1);
    expect(playground.desk.library?.all[0]).toMatchObject({ text: ' a fox', seed: 8 });
  });

  it('keep what was written of each if the run fails, and say how much that is', async () => {
    for (const sequence of [0, 1, 1]) engine.emit({ type: 'sequence-token', sequence, id: 5 });
    engine.emit({ type: 'sequence-texts', texts: [{ sequence: 1, text: ' a f' }] });
    engine.answerBatch.shift()?.({ ok: false, failure: { code: 'thread-lost' } });
    await settled();
    expect(playground.phase.at).toBe('failed');
    expect(playground.sideBySide?.texts).toEqual([
      { seed: 7, text: '', tokens: 1, end: 'stopped' },
      { seed: 8, text: ' a f', tokens: 2, end: 'stopped' },
      { seed: 9, text: '', tokens: 0, end: 'stopped' },
    ]);
  });

  it('end with the next run of a single text', async () => {
    await finish();
    playground.set('continuations', 1);
    playground.generate();
    expect(playground.sideBySide).toBeNull();
    expect(engine.runs).toHaveLength(1);
  });

  it('need chance, or all would be the same text', async () => {
    await finish();
    for (const [key, value] of [
      ['temperature', 0],
      ['topK', 1],
      ['topP', 0],
    ] as const) {
      const before = playground.config[key];
      playground.set(key, value);
      expect(playground.problems.continuations).toMatch(/^Without chance all 3 would be the same text/);
      playground.set('continuations', 1);
      expect(playground.runnable).toBe(true);
      playground.set('continuations', 3);
      playground.set(key, before);
    }
    expect(playground.runnable).toBe(true);
    playground.set('continuations', 9);
    expect(playground.problems.continuations).toBe('Enter a whole number from 1 to 8.');
  });

  it('are part of a link', () => {
    const link = encodeHash(playground.config, stored);
    expect(link).toContain('texts=3');
    expect(decodeHash(link).values.continuations).toBe(3);
    expect(decodeHash('#v=1&texts=9').complaints).toHaveLength(1);
  });
});

it('counts seeds up, and begins again at 0 after the largest', () => {
  expect(seedsFrom(5, 3)).toEqual([5, 6, 7]);
  expect(seedsFrom(Number.MAX_SAFE_INTEGER - 1, 4)).toEqual([
    ...[Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER],
    ...[0, 1],
  ]);
});
