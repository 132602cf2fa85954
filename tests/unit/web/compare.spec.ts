import { describe, expect, it, vi } from 'vitest';
import { Comparison } from '../../../web/panels/compare/comparison.svelte.ts';
import type { Engine } from '../../../web/playground/borrow-engine.ts';
import { Playground } from '../../../web/playground/playground.svelte.ts';
import type { Outcome } from '../../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult } from '../../../worker/protocol/generate.ts';
import type { LoadRequest, ModelFacts, SharingConfig } from '../../../worker/protocol/load.ts';

const stored: SharingConfig = {
  layerTypes: '0_1',
  slidingWindow: 64,
  forwardPasses: 3,
  backwardPasses: 1,
  forceNodiag: false,
};
const facts = { id: 'fairy-lckv', stored, dims: { layerCount: 2 } } as unknown as ModelFacts; // all it reads
const result = { end: 'length', tokens: [1], text: 'a' } as unknown as GenerateResult; // likewise

/** An engine that records its requests, and answers at once. */
class RecordingEngine {
  readonly loads: LoadRequest[] = [];
  readonly runs: GenerateRequest[] = [];
  whenRunning = (): void => undefined;
  stop = vi.fn();

  load(request: LoadRequest): Promise<Outcome<ModelFacts>> {
    this.loads.push(request);
    return Promise.resolve({ ok: true, value: facts });
  }

  generate(request: GenerateRequest): Promise<Outcome<GenerateResult>> {
    this.runs.push(request);
    this.whenRunning();
    return Promise.resolve({ ok: true, value: result });
  }

  score() {
    return Promise.resolve({ ok: true, value: { divergence: null } });
  }
}

const loaded = (playground: Playground) =>
  vi.waitFor(() => {
    expect(playground.phase.at).toBe('ready');
  });

async function openComparison() {
  const engine = new RecordingEngine();
  const playground = new Playground(engine as unknown as Engine); // it calls nothing else
  playground.start(Promise.resolve([{ id: facts.id, description: '', stored }]));
  await loaded(playground);
  return { engine, playground, comparison: new Comparison(playground) };
}

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
    const common = { model: 'fairy-lckv', weights: 'q4' };
    expect(engine.loads).toEqual([
      { ...common, backend: 'webgpu', quantizeEmbeddings: true },
      { ...common, backend: 'webgpu', quantizeEmbeddings: false },
      { ...common, backend: 'cpu', quantizeEmbeddings: false },
    ]);
    expect(engine.runs.map(({ kvPrecision, config }) => [kvPrecision, config.slidingWindow])).toEqual([
      ['f16', 64],
      ['f32', 9],
    ]);
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
    expect(engine.runs).toHaveLength(2);
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
});
