import { describe, expect, it } from 'vitest';
import { parseRequest } from '../../../tools/headless/request.ts';
import { headlessRequestOf } from '../../../worker/settings/headless-request.ts';
import { settings } from '../../../worker/settings/settings.ts';
import { initialValues } from '../../../worker/settings/values.ts';

const values = { ...initialValues(), model: 'fairy-lckv', layerTypes: '0_6_6_6_6_6_6_7', prompt: 'Once' };

describe('the settings as a headless request', () => {
  it('are read by the runner, with every value that the page has', () => {
    const set = {
      ...values,
      seed: 7,
      temperature: 0.5,
      mode: 'parallel',
      weights: 'q8',
      backend: 'cpu',
    } as const;
    const messages = [{ role: 'user', content: 'Hello' }];
    const chat = parseRequest(headlessRequestOf(set, messages));
    expect(chat).toMatchObject({ ok: true, value: { generate: { input: { chat: messages } } } });
    const read = parseRequest(headlessRequestOf(set));
    if (!read.ok) throw new Error(JSON.stringify(read.failure));
    expect(read.value).toMatchObject({
      load: { weights: 'q8', backend: 'cpu' },
      generate: {
        input: { text: 'Once' },
        mode: 'parallel',
        maxNewTokens: set.maxNewTokens,
        sampling: { seed: 7, temperature: 0.5, topP: set.topP, repetitionPenalty: set.repetitionPenalty },
        config: { layerTypes: '0_6_6_6_6_6_6_7', slidingWindow: set.slidingWindow },
        policy: { id: 'none' },
      },
    });
  });

  it('have a field for every row that the runner knows', () => {
    const text = JSON.stringify(headlessRequestOf(values));
    for (const { headless } of Object.values(settings)) {
      if (headless) expect(text).toContain(`"${headless.field.replace(/^.*\./, '')}":`);
    }
  });

  it('have the policy with its own numbers alone', () => {
    const set = { ...values, policy: 'h2o', policyHeavy: 16, policyRecent: 8, policySinks: 4 } as const;
    expect(headlessRequestOf(set)['policy']).toEqual({ id: 'h2o', heavy: 16, recent: 8 });
    expect(headlessRequestOf(values)).not.toHaveProperty('policy');
  });

  it.each([
    ['fairy-lckv', 'fairy-lckv'],
    ['owner/name@main', 'hub:owner/name@main'],
    ['folder:my-model', 'my-model'],
  ])('name the model %s as %s', (model, named) => {
    expect(headlessRequestOf({ ...values, model })['model']).toBe(named);
  });

  it('are sequences with seeds of their own if several texts are written', () => {
    const request = headlessRequestOf({ ...values, continuations: 2, seed: 5 });
    expect(request).not.toHaveProperty('prompt');
    expect(request['sequences']).toEqual([
      { prompt: values.prompt, sampling: { seed: 5 } },
      { prompt: values.prompt, sampling: { seed: 6 } },
    ]);
    expect(parseRequest(request)).toMatchObject({
      value: { sequences: { sequences: [{ sampling: { seed: 5 } }, { sampling: { seed: 6, topP: 0.95 } }] } },
    });
  });

  it('leave out a number that is missing', () => {
    expect(headlessRequestOf({ ...values, maxNewTokens: null })).not.toHaveProperty('maxNewTokens');
  });
});
