import { beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeHash } from '../../../web/settings/hash.ts';
import { Playground } from '../../../web/playground/playground.svelte.ts';
import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { ModelFacts } from '../../../worker/protocol/load.ts';
import type { GenerateResult } from '../../../worker/protocol/generate.ts';
import { factsOf, result, ScriptedEngine, settled, stored } from './scripted-engine.ts';

describe('the playground', () => {
  let engine: ScriptedEngine;
  let playground: Playground;

  const loaded = async (index = engine.loads.length - 1, facts: Partial<ModelFacts> = {}) => {
    const request = engine.loads[index];
    if (!request) throw new Error('nothing is loading');
    engine.answerLoad[index]?.({ ok: true, value: { ...factsOf(request), ...facts } });
    await settled();
  };
  const loadFails = async (failure: Failure) => {
    engine.answerLoad.at(-1)?.({ ok: false, failure });
    await settled();
  };
  const runEnds = async (outcome: Outcome<GenerateResult>) => {
    engine.answerRun.at(-1)?.(outcome);
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

  it('knows the plan from the list before the model is loaded, and keeps edits made meanwhile', async () => {
    expect(playground.config.layerTypes).toBe('0_2_2_3');
    playground.config.layerTypes = '0_0_2_2';
    await loaded();
    expect(playground.config.layerTypes).toBe('0_0_2_2');
    expect(playground.config.slidingWindow).toBe(64);
    expect(playground.stored).toEqual(stored);
  });

  it('loads the model that was trained for a layout, and edits the plan if none was', async () => {
    const plain = { ...stored, layerTypes: '0_1_2_3' };
    playground.models = [
      ...playground.models,
      { id: 'fairy-llama', name: '', description: '', kernels: [], stored: plain },
    ];
    await loaded();

    playground.planEditor.edit('0_1_2_3', 'typed');
    expect(engine.loads).toHaveLength(1);
    playground.chooseLayout('0_0_2_2', 'preset');
    expect(playground.config).toMatchObject({ model: 'fairy-lckv', layerTypes: '0_0_2_2' });
    playground.chooseLayout(stored.layerTypes, 'preset');
    expect(engine.loads).toHaveLength(1);

    playground.chooseLayout('0_1_2_3', 'preset');
    expect(engine.loads.at(-1)?.model).toBe('fairy-llama');
    expect(playground.config).toMatchObject({ model: 'fairy-llama', layerTypes: '0_1_2_3' });
  });

  it('takes the kernels that come with a model, unless a link or a person names others', async () => {
    const [lambda, own] = ['less-lambda-12.safetensors', 'kernels.safetensors'];
    const described = (file: string) => ({ file, rank: 8, layerTypes: null, policy: null });
    await loaded();
    expect(playground.config.policyKernels).toBe(lambda);
    expect(playground.kernels).toEqual({ files: [], chosen: undefined });

    playground.bring({ from: 'files', id: 'folder:mine', files: new Map() });
    await loaded(1, { kernels: [described(own)] });
    expect(playground.config.policyKernels).toBe(own);
    expect(playground.kernels.chosen?.file).toBe(own);

    playground.models = playground.models.map((entry) => ({ ...entry, kernels: [described(lambda)] }));
    playground.chooseModel('fairy-lckv');
    expect(playground.config.policyKernels).toBe(lambda);

    playground.openLink(decodeHash('#v=1&policy=less&kernels=absent.safetensors'));
    expect(playground.config.policyKernels).toBe('absent.safetensors');
    expect(playground.kernels.chosen).toBeUndefined();
  });

  it('keeps a model from elsewhere for every layout', async () => {
    await loaded();
    playground.bring({ from: 'files', id: 'folder:mine', files: new Map() });
    await loaded();
    playground.planEditor.edit('0_0_0_0', 'typed');
    playground.models = [
      {
        id: 'fairy-llama',
        name: '',
        description: '',
        kernels: [],
        stored: { ...stored, layerTypes: '0_1_2_3' },
      },
    ];
    playground.chooseLayout('0_1_2_3', 'preset');
    expect(playground.config).toMatchObject({ model: 'folder:mine', layerTypes: '0_1_2_3' });
    expect(engine.loads).toHaveLength(2);
  });

  it('loads a model from elsewhere, and offers it again by name', async () => {
    await loaded();
    const brought = { from: 'files', id: 'mine', files: new Map([['config.json', new Blob()]]) } as const;
    playground.bring(brought);
    expect(engine.loads.at(-1)?.model).toBe(brought);
    await loaded();
    expect(playground.config.model).toBe('mine');
    playground.chooseModel('fairy-lckv');
    playground.chooseModel('mine');
    expect(engine.loads.at(-1)?.model).toBe(brought);
  });

  it('takes the plan of a model from elsewhere, or keeps that of a link that it replaces', async () => {
    await loaded();
    const bring = (id: string) => playground.bring({ from: 'files', id, files: new Map() });
    playground.config.layerTypes = '0_0_0_0';
    bring('folder:mine');
    await loaded();
    expect(playground.config.layerTypes).toBe(stored.layerTypes);

    playground.openLink(decodeHash('#v=1&model=folder:theirs&layers=0_1_1_3'));
    bring('folder:theirs');
    await loaded();
    expect(playground.linkNotice).toBeNull();
    expect(playground.config).toMatchObject({
      model: 'folder:theirs',
      layerTypes: '0_1_1_3',
      slidingWindow: 64,
    });
  });

  it('starts a run that was requested during loading', async () => {
    playground.generate();
    expect(engine.runs).toHaveLength(0);
    await loaded();
    expect(engine.runs).toHaveLength(1);
    await runEnds({ ok: true, value: result });
    expect(playground.text).toBe(' a son');
    expect(playground.history).toHaveLength(1);
    expect(playground.phase.at).toBe('ready');
  });

  it('ignores the answer of a load that another load replaced', async () => {
    playground.chooseModel('other');
    await loaded(0);
    expect(playground.phase.at).toBe('loading');
    await loaded(1);
    expect(playground.model?.id).toBe('other');
  });

  it('switches to the CPU once if there is no WebGPU, and says why', async () => {
    playground.generate();
    await loadFails({ code: 'no-webgpu', reason: 'none' });
    expect(playground.config.backend).toBe('cpu');
    expect(playground.fellBack).toEqual({ code: 'no-webgpu', reason: 'none' });
    await loaded();
    expect(engine.loads.map(({ backend }) => backend)).toEqual(['webgpu', 'cpu']);
    expect(engine.runs).toHaveLength(1);
  });

  it('writes the CPU into a link only if the person chose it', async () => {
    playground.generate();
    await loadFails({ code: 'no-webgpu', reason: 'none' });
    await loaded();
    playground.dismissFallback();
    expect(playground.config.backend).toBe('cpu');
    expect(playground.linked.backend).toBe('webgpu');

    playground.set('backend', 'webgpu');
    playground.set('backend', 'cpu');
    expect(playground.linked.backend).toBe('cpu');
  });

  it.each([{ code: 'device-lost', reason: 'reset' } as const, { code: 'thread-lost' } as const])(
    'loads the model again with the next Generate after $code',
    async (failure) => {
      await loaded();
      playground.generate();
      await runEnds({ ok: false, failure });
      expect(playground.phase.at).toBe('failed');
      expect(playground.failure?.code).toBe(failure.code);

      playground.generate();
      expect(engine.loads).toHaveLength(2);
      await loaded();
      expect(engine.runs).toHaveLength(2);
      expect(playground.failure).toBeNull();
    },
  );

  it('stays ready after a failed run', async () => {
    await loaded();
    playground.generate();
    await runEnds({ ok: false, failure: { code: 'out-of-memory', what: 'the KV cache', bytes: 1 } });
    expect(playground.phase.at).toBe('ready');
    expect(playground.failure?.code).toBe('out-of-memory');
  });

  it('refuses to run a plan with a mistake', async () => {
    await loaded();
    playground.config.layerTypes = '0_2_2_9';
    expect(playground.problems.layerTypes).toBe('Layer 3: there is no layer 9');
    playground.generate();
    expect(engine.runs).toHaveLength(0);
  });

  it('stops a run whose model is replaced, and lets the new one load', async () => {
    await loaded();
    playground.generate();
    playground.chooseModel('other');
    expect(engine.stop).toHaveBeenCalled();
    await runEnds({ ok: true, value: { ...result, end: 'stopped' } });
    expect(playground.phase.at).toBe('loading');
    expect(playground.run?.end).toBe('stopped');
  });

  it('opens a link without loading or running anything, and loads with the next Generate', async () => {
    const other = new Playground((engine = new ScriptedEngine()));
    const models = [{ id: other.config.model, name: '', description: '', kernels: [], stored }];
    other.start(Promise.resolve(models), decodeHash('#v=1&layers=0_0_2_2&seed=9&colour=red'));
    await settled();
    expect(engine.loads).toHaveLength(0);
    expect(other.phase.at).toBe('idle');
    expect(other.config).toMatchObject({ layerTypes: '0_0_2_2', seed: 9, slidingWindow: 64 });
    expect(other.linkNotice?.complaints).toEqual(['“colour” is not known']);
    other.generate();
    expect(engine.loads).toHaveLength(1);
  });

  it('chooses the mode itself, but a link that sets something and names none means the published rule', () => {
    expect(playground.config.mode).toBe('fastest');
    playground.openLink(decodeHash('#v=1&seed=9'));
    expect(playground.config.mode).toBe('auto');
    playground.openLink(decodeHash('#v=1&seed=9&mode=fastest'));
    expect(playground.config.mode).toBe('fastest');
    playground.openLink(decodeHash('#v=1&mode=parallel'));
    expect(playground.config.mode).toBe('parallel');
    playground.openLink(decodeHash('#v=1&tab=compare'));
    expect(playground.config.mode).toBe('fastest');
  });

  it('keeps its model if a link asks for the same, and drops it if a link asks for another', async () => {
    await loaded();
    playground.openLink(decodeHash('#v=1&seed=9'));
    expect(playground.phase.at).toBe('ready');
    playground.openLink(decodeHash('#v=1&backend=cpu'));
    expect(playground.phase.at).toBe('idle');
    expect(playground.config.seed).toBe(1);
    expect(engine.loads).toHaveLength(1);
  });

  it('only names a model that does not ship', () => {
    playground.openLink(decodeHash('#v=1&model=owner/name@abc'));
    expect(playground.linkNotice?.foreignModel).toBe('owner/name@abc');
    expect(playground.config.model).not.toContain('owner');
    playground.openLink(decodeHash('#v=1&model=not-here'));
    expect(playground.linkNotice?.foreignModel).toBe('not-here');
  });

  it('ignores the answer of a load that a link made obsolete', async () => {
    playground.openLink(decodeHash('#v=1&weights=f32'));
    await loaded(0);
    expect(playground.phase.at).toBe('idle');
  });

  it('loads the weights again for another format, and again for quantized embeddings', async () => {
    await loaded();
    playground.set('weights', 'q8');
    expect(engine.loads.at(-1)).toMatchObject({ weights: 'q8', quantizeEmbeddings: false });
    playground.set('quantizeEmbeddings', true);
    expect(engine.loads.at(-1)).toMatchObject({ weights: 'q8', quantizeEmbeddings: true });
    expect(engine.loads).toHaveLength(3);
  });
});
