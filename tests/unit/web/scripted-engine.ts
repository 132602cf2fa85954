import { vi } from 'vitest';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import type { Outcome } from '../../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult } from '../../../worker/protocol/generate.ts';
import type { LoadRequest, ModelFacts, SharingConfig } from '../../../worker/protocol/load.ts';
import type { SequencesRequest, SequencesResult } from '../../../worker/protocol/sequences.ts';

export const stored: SharingConfig = {
  layerTypes: '0_2_2_3',
  slidingWindow: 64,
  forwardPasses: 3,
  backwardPasses: 1,
  forceNodiag: false,
};

export const factsOf = ({ model, backend }: LoadRequest): ModelFacts => ({
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
  shaped: null,
  canTimeKernels: backend === 'webgpu',
  kernels: [],
  suggestedSampling: null,
  notices: [],
});

export const result: GenerateResult = {
  mode: 'parallel',
  end: 'length',
  promptTokens: 3,
  notices: [],
  reuse: { heldTokens: 0, reusedTokens: 0 },
  tokens: [1, 2],
  text: ' a son',
  logits: [],
  nats: null,
  kv: { bytes: 96, allocatedBytes: 128, bytesPerToken: 96, layers: [] },
  timing: { prefillMs: 1, decodeMs: 1, prefillTokensPerSec: 3, decodeTokensPerSec: 1 },
};

/** An engine whose calls the test answers, one at a time. */
export class ScriptedEngine {
  readonly loads: LoadRequest[] = [];
  readonly runs: GenerateRequest[] = [];
  readonly batches: SequencesRequest[] = [];
  readonly answerLoad: ((outcome: Outcome<ModelFacts>) => void)[] = [];
  readonly answerRun: ((outcome: Outcome<GenerateResult>) => void)[] = [];
  readonly answerBatch: ((outcome: Outcome<SequencesResult>) => void)[] = [];
  emit: (event: EngineEvent) => void = () => undefined;
  countTokens = vi.fn();
  stop = vi.fn();
  watchConvergence = () => Promise.reject(new Error('nobody asks for it'));
  readAttention = () => Promise.reject(new Error('nobody asks for it'));
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

  generateSequences(request: SequencesRequest, receive: (event: EngineEvent) => void) {
    this.batches.push(request);
    this.emit = receive;
    return new Promise<Outcome<SequencesResult>>((resolve) => this.answerBatch.push(resolve));
  }
}

/** Waits until all that follows an answer has run: it is microtasks, which come before the next task. */
export const settled = () => new Promise((resolve) => setTimeout(resolve));
