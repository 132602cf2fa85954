import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Playground } from '../../../web/playground/playground.svelte.ts';
import { decodeHash, encodeHash } from '../../../web/settings/hash.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';
import type { SuggestedSampling } from '../../../worker/protocol/load.ts';
import { factsOf, ScriptedEngine, settled, stored } from './scripted-engine.ts';

/** Those of Qwen2.5-Instruct. */
const authors: SuggestedSampling = {
  sampling: { temperature: 0.7, topP: 0.8, topK: 20, minP: 0, repetitionPenalty: 1.05 },
  maxNewTokens: 500,
  said: ['temperature', 'topP', 'topK', 'repetitionPenalty'],
};
const mine = {
  temperature: defaultConfig.temperature,
  topK: defaultConfig.topK,
  topP: defaultConfig.topP,
  repetitionPenalty: defaultConfig.repetitionPenalty,
  maxNewTokens: defaultConfig.maxNewTokens,
};

describe('the sampling that a model’s authors suggest', () => {
  let engine: ScriptedEngine;
  let playground: Playground;
  const advice = () => playground.samplingAdvice;

  const loadedWith = async (suggestedSampling: SuggestedSampling | null) => {
    const request = engine.loads.at(-1);
    if (!request) throw new Error('nothing is loading');
    engine.answerLoad.at(-1)?.({ ok: true, value: { ...factsOf(request), suggestedSampling } });
    await settled();
  };

  beforeEach(async () => {
    vi.stubGlobal('requestAnimationFrame', () => 1);
    vi.stubGlobal('cancelAnimationFrame', () => undefined);
    engine = new ScriptedEngine();
    playground = new Playground(engine);
    playground.start(
      Promise.resolve([{ id: playground.config.model, name: '', description: '', kernels: [], stored }]),
    );
    await settled();
  });

  it('changes nothing unless the person takes it, and then all of it', async () => {
    await loadedWith(authors);
    expect(playground.config).toMatchObject(mine);
    const offer = advice().offer;
    expect(offer && advice().told(offer)).toEqual([
      ...['maxNewTokens', 'temperature', 'topK', 'topP', 'repetitionPenalty'],
    ]);

    advice().use();
    expect(playground.config).toMatchObject({ ...authors.sampling, maxNewTokens: 500 });
    expect(advice().offer).toBeNull();
    playground.generate();
    expect(engine.runs.at(-1)).toMatchObject({ sampling: authors.sampling, maxNewTokens: 500 });
  });

  it('is not offered again after it was declined, even if the model is loaded again or chosen again', async () => {
    await loadedWith(authors);
    const first = playground.config.model;
    advice().decline();
    expect(advice().offer).toBeNull();
    expect(playground.config).toMatchObject(mine);
    playground.set('weights', 'q8');
    await loadedWith(authors);
    expect(advice().offer).toBeNull();

    playground.chooseModel('other');
    await loadedWith(authors);
    expect(advice().offer).not.toBeNull();
    playground.chooseModel(first);
    await loadedWith(authors);
    expect(advice().offer).toBeNull();
  });

  it('is not offered if every value already equals it, or if the model brings none', async () => {
    const { temperature, topK, topP, minP, repetitionPenalty } = defaultConfig;
    const same = { temperature, topK, topP, minP, repetitionPenalty } as SuggestedSampling['sampling']; // no default is empty
    await loadedWith({ sampling: same, maxNewTokens: null, said: ['temperature'] });
    expect(advice().offer).toBeNull();
    playground.set('temperature', 0.1);
    expect(advice().offer).toBeNull();
    playground.chooseModel('other');
    await loadedWith(null);
    expect(advice().offer).toBeNull();
  });

  it('leaves out a number of new tokens that the page cannot ask for', async () => {
    await loadedWith({ ...authors, maxNewTokens: 1_000_000 });
    expect(advice().offer?.values).toEqual(authors.sampling);
  });

  it('does not delay a run that waits for the model', async () => {
    playground.generate();
    await loadedWith(authors);
    expect(engine.runs.at(-1)?.sampling.temperature).toBe(mine.temperature);
    expect(advice().offer).not.toBeNull();
  });

  it('is the origin of the values that it gave; the others come from the person, a link or the page', async () => {
    await loadedWith(authors);
    playground.set('seed', 4);
    expect(advice().origins).toMatchObject({ temperature: 'default', seed: 'you' });
    advice().use();
    playground.set('topK', 7);
    expect(advice().origins).toEqual({
      maxNewTokens: 'authors',
      temperature: 'authors',
      topK: 'you',
      topP: 'authors',
      minP: 'transformers',
      repetitionPenalty: 'authors',
      seed: 'you',
    });
    playground.openLink(decodeHash('#v=1&topK=9'));
    expect(advice().origins).toMatchObject({ topK: 'link', temperature: 'default', seed: 'default' });
  });

  it('is written into links and runs as plain values, so that they mean the same without the file', async () => {
    await loadedWith(authors);
    advice().use();
    const link = encodeHash(playground.config, stored);
    expect(decodeHash(link).values).toMatchObject({
      temperature: 0.7,
      topK: 20,
      topP: 0.8,
      repetitionPenalty: 1.05,
    });
    playground.generate();
    expect(playground.run?.link).toBe(link);
    expect(playground.run?.settings).toMatchObject(authors.sampling);

    playground.openLink(decodeHash('#v=1&seed=3'));
    playground.chooseModel('other');
    await loadedWith(authors);
    expect(playground.config).toMatchObject(mine);
  });
});
