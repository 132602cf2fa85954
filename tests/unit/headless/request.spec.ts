import { describe, expect, it } from 'vitest';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { parseRequest } from '../../../tools/headless/request.ts';
import { fc } from '../../support/seeded-properties.ts';

const smallest = { model: 'fairy-lckv', prompt: 'Once' };

const loadDefaults = { weights: 'stored', quantizeEmbeddings: false, workgroupRows: '32' };

describe('a headless request', () => {
  it('has defaults for everything but the model and the prompt', () => {
    expect(parseRequest(smallest)).toEqual({
      ok: true,
      value: {
        promptField: 'prompt',
        load: { model: 'fairy-lckv', backend: 'webgpu', ...loadDefaults },
        generate: {
          input: { text: 'Once' },
          config: {},
          mode: 'auto',
          ...{ kvPrecision: 'f16', freeze: false },
          maxNewTokens: 64,
          policy: { id: 'none' },
          ignoreEos: false,
          sampling: greedy,
          logits: [],
          score: false,
        },
      },
    });
  });

  it('records and scores only what the request asks for', () => {
    const watch = (...words: string[]) => parseRequest({ ...smallest, watch: words });
    expect(watch('tokens')).toMatchObject({
      value: { generate: { watch: { tokens: true, kernels: false } } },
    });
    expect(watch('movement')).toMatchObject({ value: { convergence: { exact: false } } });
    expect(watch('exact')).toMatchObject({
      value: { convergence: { exact: true, input: { text: 'Once' } } },
    });
    expect(watch('everything')).toMatchObject({ ok: false, failure: { field: 'watch' } });
    expect(parseRequest({ ...smallest, continuation: [1, 2], reference: 'compare' })).toMatchObject({
      value: { score: { continuation: [1, 2], reference: 'compare' } },
    });
    expect(watch()).toEqual(parseRequest(smallest));
  });

  it('reads every field', () => {
    const request = {
      model: 'm',
      config: {
        layer_types: '0_1',
        sliding_window: 64,
        forward_passes: 3,
        backward_passes: 1,
        force_nodiag: true,
      },
      mode: 'sequential',
      backend: 'cpu',
      weights: 'q4',
      quantizeEmbeddings: true,
      kv: 'f32',
      freeze: true,
      turns: [[1, 2], [3]],
      logits: [5, 0, 5],
      score: true,
      maxNewTokens: 0,
      policy: { id: 'h2o', heavy: 3, recent: 5 },
      ignoreEos: true,
      sampling: { temperature: 1, topK: 2, topP: 0.5, minP: 0.1, repetitionPenalty: 1.1, seed: 9 },
    };
    expect(parseRequest(request)).toEqual({
      ok: true,
      value: {
        promptField: 'turns',
        load: { model: 'm', backend: 'cpu', weights: 'q4', quantizeEmbeddings: true, workgroupRows: '32' },
        generate: {
          input: { turns: [[1, 2], [3]] },
          config: {
            layerTypes: '0_1',
            slidingWindow: 64,
            forwardPasses: 3,
            backwardPasses: 1,
            forceNodiag: true,
          },
          mode: 'sequential',
          freeze: true,
          kvPrecision: 'f32',
          maxNewTokens: 0,
          policy: { id: 'h2o', heavy: 3, recent: 5 },
          ignoreEos: true,
          sampling: request.sampling,
          logits: [5, 0, 5],
          score: true,
        },
      },
    });
  });

  it('takes turns that are followed by generated tokens, and names the turn that is wrong', () => {
    const turns = (...entries: unknown[]) => parseRequest({ model: 'm', turns: entries });
    expect(turns({ tokens: [1, 2], new: 8 }, [3])).toMatchObject({
      value: { generate: { input: { turns: [{ tokens: [1, 2], newTokens: 8 }, [3]] } } },
    });
    const refused = (reason: string) => ({ ok: false, failure: { field: 'turns', reason } });
    expect(turns([1], { tokens: [2], more: 1 })).toMatchObject(
      refused('turn 1 has a field "more"; known are tokens, new'),
    );
    expect(turns({ tokens: [1], new: 'many' })).toMatchObject(refused('turn 0, new: "many" is not a number'));
    expect(turns({ new: 2 }, [1])).toMatchObject(refused('turn 0 has no tokens'));
  });

  it('passes on a policy, which the engine checks', () => {
    const asked = (policy: unknown) => parseRequest({ ...smallest, policy });
    expect(asked({ id: 'tova', rows: 4 })).toMatchObject({
      value: { generate: { policy: { id: 'tova', rows: 4 } } },
    });
    expect(asked([])).toMatchObject({ ok: false, failure: { field: 'policy' } });
    expect(asked({})).toMatchObject({ ok: false, failure: { field: 'policy.id' } });
  });

  it('exports instead of running if it asks for an export', () => {
    const request = {
      model: 'm',
      export: 'out',
      config: { layer_types: '0_0' },
      round: 'f16',
      backend: 'cpu',
    };
    expect(parseRequest(request)).toEqual({
      ok: true,
      value: {
        load: { model: 'm', backend: 'cpu', ...loadDefaults },
        export: { config: { layerTypes: '0_0' }, round: 'f16', to: { to: 'path', path: 'out' } },
      },
    });
  });

  it.each([
    [{ ...smallest, export: 'out' }, 'prompt'],
    [{ model: 'm', export: 'out', score: true }, 'score'],
    [{ model: 'm', export: 7 }, 'export'],
    [{ model: 'm', export: 'out', round: 'f32' }, 'round'],
    [{ ...smallest, temprature: 1 }, 'temprature'],
    [{ ...smallest, config: { layerTypes: '0' } }, 'config.layerTypes'],
    [{ ...smallest, config: { num_hidden_layers: 4 } }, 'config.num_hidden_layers'],
    [{ ...smallest, sampling: { top_k: 4 } }, 'sampling.top_k'],
    [JSON.parse('{"model":"m","prompt":"","__proto__":{}}'), '__proto__'],
    [{ ...smallest, constructor: 1 }, 'constructor'],
    [{ prompt: 'Once' }, 'model'],
    [{ model: 'm' }, 'prompt'],
    [{ ...smallest, tokens: [1] }, 'tokens'],
    [{ model: 'm', tokens: [1], turns: [[1]] }, 'turns'],
    [{ model: 'm', tokens: '1' }, 'tokens'],
    [{ model: 'm', tokens: [1.5] }, 'tokens'],
    [{ model: 'm', turns: [1] }, 'turns'],
    [{ model: 'm', prompt: 4 }, 'prompt'],
    [{ ...smallest, backend: 'gpu' }, 'backend'],
    [{ ...smallest, weights: 'int4' }, 'weights'],
    [{ ...smallest, kv: 'bf16' }, 'kv'],
    [{ ...smallest, mode: 'both' }, 'mode'],
    [{ ...smallest, maxNewTokens: '5' }, 'maxNewTokens'],
    [{ ...smallest, logits: 0 }, 'logits'],
    [{ ...smallest, logits: [-1] }, 'logits'],
    [{ ...smallest, score: 1 }, 'score'],
    [{ ...smallest, ignoreEos: 'no' }, 'ignoreEos'],
    [{ ...smallest, config: '0_1' }, 'config'],
    [{ ...smallest, config: { sliding_window: '64' } }, 'config.sliding_window'],
    [{ ...smallest, config: { force_nodiag: 1 } }, 'config.force_nodiag'],
    [{ ...smallest, sampling: [] }, 'sampling'],
    [{ ...smallest, sampling: { seed: '1' } }, 'sampling.seed'],
    [7, ''],
    [null, ''],
    [[], ''],
  ])('%j is refused, naming "%s"', (request, field) => {
    expect(parseRequest(request)).toMatchObject({ ok: false, failure: { code: 'bad-request', field } });
  });

  it.each([
    [{ model: null, prompt: '' }, 'model', 'it is null'],
    [{ prompt: '' }, 'model', 'the field is missing'],
    [{ model: 'm', prompt: null }, 'prompt', 'it is null'],
    [{ model: 'm', messages: null }, 'messages', 'it is null'],
    [{ model: 'm', turns: null }, 'turns', 'it is null'],
    [{ model: 'm', sequences: null }, 'sequences', 'it is null'],
    [{ model: 'm', sequences: [{ prompt: null }] }, 'sequences[0].prompt', 'it is null'],
    [{ model: 'm', sequences: [{ tokens: null }] }, 'sequences[0].tokens', 'it is null'],
    [{ model: 'm' }, 'prompt', 'one of prompt, messages, tokens, turns, sequences is needed'],
    [{ model: 'm', prompt: ['Once'] }, 'prompt', '["Once"] is not a text'],
    [{ model: 'm', turns: [null] }, 'turns', 'null is not an array'],
    [
      { model: 'm', messages: [{ role: 'user', content: null }] },
      'messages',
      'entry 0, {"role":"user","content":null}, needs a role (system, user, assistant) and a content, a text',
    ],
  ])('%j is told what is wrong with "%s": %s', (request, field, reason) => {
    expect(parseRequest(request)).toEqual({
      ok: false,
      failure: { code: 'bad-request', field, reason },
    });
  });

  it('is refused at once if it has more sequences than anybody reads', () => {
    const sequences = Array<object>(10_001).fill({ tokens: [1] });
    expect(parseRequest({ model: 'm', sequences })).toMatchObject({ failure: { field: 'sequences' } });
    expect(parseRequest({ model: 'm', sequences: sequences.slice(1) })).toMatchObject({ ok: true });
  });

  it('never throws, whatever the JSON holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(parseRequest(json)).toMatchObject({ ok: false, failure: { code: 'bad-request' } });
      }),
    );
  });
});
