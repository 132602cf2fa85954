import { beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeHash } from '../../../web/settings/hash.ts';
import { Session } from '../../../web/session/session.svelte.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult } from '../../../worker/protocol/generate.ts';
import type { LoadRequest, ModelFacts, SharingConfig } from '../../../worker/protocol/load.ts';

const stored: SharingConfig = {
  layerTypes: '0_2_2_3',
  slidingWindow: 64,
  forwardPasses: 3,
  backwardPasses: 1,
  forceNodiag: false,
};

const factsOf = ({ model, backend }: LoadRequest): ModelFacts => ({
  id: typeof model === 'string' ? model : model.id,
  dims: {
    layerCount: 4,
    hiddenSize: 16,
    intermediateSize: 32,
    heads: 2,
    kvHeads: 1,
    headDim: 8,
    vocabSize: 32,
    contextTokens: 64,
    rmsNormEps: 1e-5,
    rope: { type: 'default', theta: 10_000 },
    tiedEmbeddings: true,
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    qkNorm: false,
  },
  stored,
  useSequential: false,
  hasTokenizer: true,
  hasChatTemplate: false,
  weightBytes: 1,
  adapter: { backend, vendor: 'test', description: '', software: false },
});

const result: GenerateResult = {
  mode: 'parallel',
  end: 'length',
  promptTokens: 3,
  reuse: { heldTokens: 0, reusedTokens: 0 },
  tokens: [1, 2],
  text: ' a son',
  logits: [],
  nats: null,
  kv: { bytes: 96, allocatedBytes: 128, bytesPerToken: 96, layers: [] },
  timing: { prefillMs: 1, decodeMs: 1, prefillTokensPerSec: 3, decodeTokensPerSec: 1 },
};

/** An engine whose answers the test gives, one call at a time. */
class ScriptedEngine {
  readonly loads: LoadRequest[] = [];
  readonly runs: GenerateRequest[] = [];
  readonly answerLoad: ((outcome: Outcome<ModelFacts>) => void)[] = [];
  readonly answerRun: ((outcome: Outcome<GenerateResult>) => void)[] = [];
  emit: (event: EngineEvent) => void = () => undefined;
  countTokens = vi.fn();
  stop = vi.fn();
  measureConvergence = () => Promise.reject(new Error('nobody asks for it'));
  score = () => Promise.reject(new Error('nobody asks for it'));

  load(request: LoadRequest, receive: (event: EngineEvent) => void) {
    this.loads.push(request);
    this.emit = receive;
    return new Promise<Outcome<ModelFacts>>((resolve) => this.answerLoad.push(resolve));
  }

  generate(request: GenerateRequest, receive: (event: EngineEvent) => void) {
    this.runs.push(request);
    this.emit = receive;
    return new Promise<Outcome<GenerateResult>>((resolve) => this.answerRun.push(resolve));
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('the session', () => {
  let engine: ScriptedEngine;
  let session: Session;

  const loaded = async (index = engine.loads.length - 1) => {
    const request = engine.loads[index];
    if (!request) throw new Error('nothing is loading');
    engine.answerLoad[index]?.({ ok: true, value: factsOf(request) });
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
    session = new Session(engine);
    session.start(Promise.resolve([{ id: session.config.model, description: '', stored }]));
    await settled();
  });

  it('knows the plan from the list before the model is there, and keeps what was typed meanwhile', async () => {
    expect(session.config.layerTypes).toBe('0_2_2_3');
    session.config.layerTypes = '0_0_2_2';
    await loaded();
    expect(session.config.layerTypes).toBe('0_0_2_2');
    expect(session.config.slidingWindow).toBe(64);
    expect(session.stored).toEqual(stored);
  });

  it('loads the model that was trained for a layout; what none was trained for, or is typed, edits the plan', async () => {
    const plain = { ...stored, layerTypes: '0_1_2_3' };
    session.models = [...session.models, { id: 'fairy-llama', description: '', stored: plain }];
    await loaded();

    session.planEditor.edit('0_1_2_3', 'typed');
    expect(engine.loads).toHaveLength(1);
    session.chooseLayout('0_0_2_2', 'preset');
    expect(session.config).toMatchObject({ model: 'fairy-lckv', layerTypes: '0_0_2_2' });
    session.chooseLayout(stored.layerTypes, 'preset');
    expect(engine.loads).toHaveLength(1);

    session.chooseLayout('0_1_2_3', 'preset');
    expect(engine.loads.at(-1)?.model).toBe('fairy-llama');
    expect(session.config).toMatchObject({ model: 'fairy-llama', layerTypes: '0_1_2_3' });
  });

  it('keeps a model that was brought, whatever layout is chosen', async () => {
    await loaded();
    session.bring({ from: 'files', id: 'folder:mine', files: new Map() });
    await loaded();
    session.planEditor.edit('0_0_0_0', 'typed');
    session.models = [{ id: 'fairy-llama', description: '', stored: { ...stored, layerTypes: '0_1_2_3' } }];
    session.chooseLayout('0_1_2_3', 'preset');
    expect(session.config).toMatchObject({ model: 'folder:mine', layerTypes: '0_1_2_3' });
    expect(engine.loads).toHaveLength(2);
  });

  it('loads a model that was brought, and offers it again by its name', async () => {
    await loaded();
    const brought = { from: 'files', id: 'mine', files: new Map([['config.json', new Blob()]]) } as const;
    session.bring(brought);
    expect(engine.loads.at(-1)?.model).toBe(brought);
    await loaded();
    expect(session.config.model).toBe('mine');
    session.chooseModel('fairy-lckv');
    session.chooseModel('mine');
    expect(engine.loads.at(-1)?.model).toBe(brought);
  });

  it('takes the plan of a model that was brought; that of a link whose model it stands for stays', async () => {
    await loaded();
    const bring = (id: string) => session.bring({ from: 'files', id, files: new Map() });
    session.config.layerTypes = '0_0_0_0';
    bring('folder:mine');
    await loaded();
    expect(session.config.layerTypes).toBe(stored.layerTypes);

    session.openLink(decodeHash('#v=1&model=folder:theirs&layers=0_1_1_3'));
    bring('folder:theirs');
    await loaded();
    expect(session.linkNotice).toBeNull();
    expect(session.config).toMatchObject({
      model: 'folder:theirs',
      layerTypes: '0_1_1_3',
      slidingWindow: 64,
    });
  });

  it('begins a run that was asked for while the model loaded', async () => {
    session.generate();
    expect(engine.runs).toHaveLength(0);
    await loaded();
    expect(engine.runs).toHaveLength(1);
    await runEnds({ ok: true, value: result });
    expect(session.text).toBe(' a son');
    expect(session.history).toHaveLength(1);
    expect(session.phase.at).toBe('ready');
  });

  it('ignores the answer of a load that was overtaken by another', async () => {
    session.chooseModel('other');
    await loaded(0);
    expect(session.phase.at).toBe('loading');
    await loaded(1);
    expect(session.model?.id).toBe('other');
  });

  it('goes to the CPU by itself where there is no WebGPU, once, and says why', async () => {
    session.generate();
    await loadFails({ code: 'no-webgpu', reason: 'none' });
    expect(session.config.backend).toBe('cpu');
    expect(session.fellBack).toEqual({ code: 'no-webgpu', reason: 'none' });
    await loaded();
    expect(engine.loads.map(({ backend }) => backend)).toEqual(['webgpu', 'cpu']);
    expect(engine.runs).toHaveLength(1);
  });

  it('loads the model again with the next Generate after the device was lost', async () => {
    await loaded();
    session.generate();
    await runEnds({ ok: false, failure: { code: 'device-lost', reason: 'reset' } });
    expect(session.phase.at).toBe('failed');
    expect(session.failure?.code).toBe('device-lost');

    session.generate();
    expect(engine.loads).toHaveLength(2);
    await loaded();
    expect(engine.runs).toHaveLength(2);
    expect(session.failure).toBeNull();
  });

  it('stays ready after a run that could not be', async () => {
    await loaded();
    session.generate();
    await runEnds({ ok: false, failure: { code: 'out-of-memory', what: 'the KV cache', bytes: 1 } });
    expect(session.phase.at).toBe('ready');
    expect(session.failure?.code).toBe('out-of-memory');
  });

  it('refuses to run a plan with a mistake', async () => {
    await loaded();
    session.config.layerTypes = '0_2_2_9';
    expect(session.problems.layerTypes).toBe('Layer 3: there is no layer 9');
    session.generate();
    expect(engine.runs).toHaveLength(0);
  });

  it('stops a run whose model is replaced, and lets the new one load', async () => {
    await loaded();
    session.generate();
    session.chooseModel('other');
    expect(engine.stop).toHaveBeenCalled();
    await runEnds({ ok: true, value: { ...result, end: 'stopped' } });
    expect(session.phase.at).toBe('loading');
    expect(session.run?.end).toBe('stopped');
  });

  it('opens a link without loading or running anything, and loads with the next Generate', async () => {
    const other = new Session((engine = new ScriptedEngine()));
    const models = [{ id: other.config.model, description: '', stored }];
    other.start(Promise.resolve(models), decodeHash('#v=1&layers=0_0_2_2&seed=9&colour=red'));
    await settled();
    expect(engine.loads).toHaveLength(0);
    expect(other.phase.at).toBe('idle');
    expect(other.config).toMatchObject({ layerTypes: '0_0_2_2', seed: 9, slidingWindow: 64 });
    expect(other.linkNotice?.complaints).toEqual(['“colour” is not known']);
    other.generate();
    expect(engine.loads).toHaveLength(1);
  });

  it('keeps its model where a link asks for the same, and lets go of it where for another', async () => {
    await loaded();
    session.openLink(decodeHash('#v=1&seed=9'));
    expect(session.phase.at).toBe('ready');
    session.openLink(decodeHash('#v=1&backend=cpu'));
    expect(session.phase.at).toBe('idle');
    expect(session.config.seed).toBe(1);
    expect(engine.loads).toHaveLength(1);
  });

  it('only names a model that does not ship', () => {
    session.openLink(decodeHash('#v=1&model=owner/name@abc'));
    expect(session.linkNotice?.foreignModel).toBe('owner/name@abc');
    expect(session.config.model).not.toContain('owner');
    session.openLink(decodeHash('#v=1&model=not-here'));
    expect(session.linkNotice?.foreignModel).toBe('not-here');
  });

  it('ignores the answer of a load that a link has made pointless', async () => {
    session.openLink(decodeHash('#v=1&weights=f32'));
    await loaded(0);
    expect(session.phase.at).toBe('idle');
  });

  it('loads the weights anew in another format, and once more where the embeddings are to follow', async () => {
    await loaded();
    session.chooseWeights('q8');
    expect(engine.loads.at(-1)).toMatchObject({ weights: 'q8', quantizeEmbeddings: false });
    session.chooseQuantizedEmbeddings(true);
    expect(engine.loads.at(-1)).toMatchObject({ weights: 'q8', quantizeEmbeddings: true });
    expect(engine.loads).toHaveLength(3);
  });
});
