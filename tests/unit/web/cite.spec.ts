import { expect, it } from 'vitest';
import { newRun, finishedRun } from '../../../web/playground/run.ts';
import { toGenerateRequest } from '../../../web/settings/requests.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';
import { cite } from '../../../web/panels/share/cite.ts';
import type { ModelFacts } from '../../../worker/protocol/load.ts';

const model = {
  id: 'fairy-lckv',
  adapter: { backend: 'webgpu', vendor: 'google', description: 'swiftshader', software: true },
} as unknown as ModelFacts; // a citation reads no other field

it('cites model, commit, plan, precision, adapter, figures and link', () => {
  const settings = {
    ...defaultConfig,
    layerTypes: '0_1_1_3',
    weights: 'q4',
    quantizeEmbeddings: true,
  } as const;
  const request = toGenerateRequest(settings);
  if (!request) throw new Error('the defaults can run');
  const run = finishedRun(newRun(1, model, { prompt: defaultConfig.prompt, link: '', settings }, request), {
    mode: 'parallel',
    end: 'length',
    promptTokens: 11,
    notices: [],
    reuse: { heldTokens: 0, reusedTokens: 0 },
    tokens: [1, 2, 3],
    text: ' a b c',
    logits: [],
    nats: null,
    kv: { bytes: 10_752, allocatedBytes: 16_384, bytesPerToken: 768, layers: [] },
    timing: { prefillMs: 100, decodeMs: 100, prefillTokensPerSec: 110, decodeTokensPerSec: 20 },
  });
  expect(cite(run, { commit: '0123456789ab', link: 'https://host.example/#v=1' }).split('\n')).toEqual([
    'kvtab 0123456789ab, model fairy-lckv',
    'Plan: 0_1_1_3, sliding window 4096, mode parallel, forward passes 7, backward passes 2',
    'Precision: backend webgpu, weights q4, embeddings and head too, KV precision f16',
    'Sampling: max new tokens 128, temperature 0.8, top-k 0, top-p 0.95, min-p 0, repetition penalty 1.1, seed 1',
    'Adapter: WebGPU (software adapter), google, swiftshader',
    'Tokens: 11 of prompt, 3 new',
    'KV cache: 10.5 KiB in use, 768 B per token',
    'Prefill: 110 tokens/s; decode: 20 tokens/s',
    'https://host.example/#v=1',
  ]);
});
