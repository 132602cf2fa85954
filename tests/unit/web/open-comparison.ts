import { expect, vi } from 'vitest';
import { Comparison } from '../../../web/panels/compare/comparison.svelte.ts';
import type { Engine } from '../../../web/playground/borrow-engine.ts';
import { Playground } from '../../../web/playground/playground.svelte.ts';
import type { Outcome } from '../../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult } from '../../../worker/protocol/generate.ts';
import type { LoadRequest, ModelFacts, SharingConfig } from '../../../worker/protocol/load.ts';
import { openSpace } from '../../../worker/storage/space.ts';

export const stored: SharingConfig = {
  layerTypes: '0_1',
  slidingWindow: 64,
  forwardPasses: 3,
  backwardPasses: 1,
  forceNodiag: false,
};
export const facts = {
  ...{ id: 'fairy-lckv', stored, dims: { layerCount: 2 }, kernels: [], weightBytes: 1000 },
  adapter: { backend: 'cpu', vendor: '', description: '', software: false },
} as unknown as ModelFacts; // all it reads
/** Every run is faster than the one before. */
export const resultOf = (number: number) =>
  ({
    ...{ end: 'length', tokens: [1], text: 'a', mode: 'parallel' },
    kv: { bytes: 96, allocatedBytes: 96, bytesPerToken: 24, layers: [] },
    timing: { prefillMs: 100 - number, decodeMs: 1, prefillTokensPerSec: 1, decodeTokensPerSec: number },
  }) as unknown as GenerateResult; // likewise

/** An engine that records its requests, and answers at once. */
export class RecordingEngine {
  readonly loads: LoadRequest[] = [];
  readonly runs: GenerateRequest[] = [];
  whenRunning = (): void => undefined;
  answer = resultOf;
  stop = vi.fn();

  load(request: LoadRequest): Promise<Outcome<ModelFacts>> {
    this.loads.push(request);
    return Promise.resolve({ ok: true, value: facts });
  }

  generate(request: GenerateRequest): Promise<Outcome<GenerateResult>> {
    this.runs.push(request);
    this.whenRunning();
    return Promise.resolve({ ok: true, value: this.answer(this.runs.length) });
  }

  score() {
    const divergence = { kl: Float32Array.of(0.5, 0.25), agrees: [true, false], of: 2 };
    return Promise.resolve({ ok: true, value: { divergence } });
  }
}

export const loaded = (playground: Playground) =>
  vi.waitFor(() => {
    expect(playground.phase.at).toBe('ready');
  });

/** A comparison on a page whose model is loaded. */
export async function openComparison() {
  const engine = new RecordingEngine();
  const playground = new Playground(engine as unknown as Engine); // it calls nothing else
  playground.start(Promise.resolve([{ id: facts.id, name: '', description: '', kernels: [], stored }]));
  await loaded(playground);
  const comparison = new Comparison(playground);
  comparison.rounds = 1;
  return { engine, playground, comparison };
}

/** What the device keeps of a comparison. */
export const space = openSpace('comparison', (value): value is unknown => value !== undefined);
