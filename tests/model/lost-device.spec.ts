import { modelSource } from '#platform';
import { afterEach, expect, it } from 'vitest';
import { greedy } from '../../gpu/plan/sampling.ts';
import type { WebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { Engine } from '../../worker/engine/engine.ts';
import { succeed, valueOf } from '../../worker/outcome.ts';
import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { GenerateRequest } from '../../worker/protocol/generate.ts';
import { goldenFolder } from '../support/golden.ts';
import { openOwnGpuBackend } from '../support/random-model.ts';
import { placeHere } from '../../worker/text/place-here.ts';

const opened: WebGpuBackend[] = [];
const engine = new Engine({
  openBackend: async () => {
    const backend = await openOwnGpuBackend();
    opened.push(backend);
    return backend;
  },
  openTextPlace: placeHere,
  openSource: (folder) => succeed(modelSource(folder)),
});
afterEach(() => engine.unload());

const ignore = () => undefined;
const load = () =>
  engine.load(
    { model: goldenFolder('lckv'), backend: 'webgpu', weights: 'stored', quantizeEmbeddings: false },
    ignore,
  );
const generate = (maxNewTokens: number, onEvent: (event: EngineEvent) => void = ignore) => {
  const request: GenerateRequest = {
    input: { turns: [[1, 2, 3, 4, 5]] },
    config: {},
    mode: 'auto',
    kvPrecision: 'f16',
    maxNewTokens,
    policy: { id: 'none' },
    ignoreEos: true,
    sampling: greedy,
    logits: [],
    score: false,
  };
  return engine.generate(request, onEvent);
};
const device = () => opened.at(-1)?.context.device;
const codeOf = (outcome: Awaited<ReturnType<typeof generate>>) => (outcome.ok ? 'ok' : outcome.failure.code);

it('A device destroyed between runs fails the next run as lost, and a load opens another', async () => {
  valueOf(await load());
  const { tokens } = valueOf(await generate(4));
  device()?.destroy();
  expect(codeOf(await generate(4))).toBe('device-lost');
  expect(codeOf(await generate(4))).toBe('no-model');
  valueOf(await load());
  expect(valueOf(await generate(4)).tokens).toEqual(tokens);
});

it('A device destroyed during a run fails it as lost, and a load opens another', async () => {
  valueOf(await load());
  const { tokens } = valueOf(await generate(4));
  const outcome = await generate(500, (event) => {
    if (event.type === 'token') device()?.destroy();
  });
  expect(codeOf(outcome)).toBe('device-lost');
  valueOf(await load());
  expect(valueOf(await generate(4)).tokens).toEqual(tokens);
});

it('A device destroyed while sequences are written fails all of them at once', async () => {
  valueOf(await load());
  const sequence = {
    input: { turns: [[1, 2, 3]] },
    maxNewTokens: 500,
    ignoreEos: true,
    sampling: greedy,
  };
  const outcome = await engine.generateSequences(
    {
      config: {},
      mode: 'auto',
      kvPrecision: 'f16',
      policy: { id: 'none' },
      tellTexts: false,
      sequences: [sequence, sequence],
    },
    (event) => {
      if (event.type === 'sequence-token') device()?.destroy();
    },
  );
  expect(outcome).toMatchObject({ ok: false, failure: { code: 'device-lost' } });
});

it('A text larger than the GPU can bind is refused in bytes and leaves the next run working', async () => {
  valueOf(await load());
  const { tokens } = valueOf(await generate(4));
  const bytes = opened.at(-1)?.allocatedBytes;
  const outcome = await generate(9_900_000);
  if (outcome.ok) throw new Error('a text of 10 million tokens was taken');
  const { failure } = outcome;
  if (failure.code === 'limit-too-small') expect(failure.needed).toBeGreaterThan(failure.available);
  else expect(failure.code).toBe('out-of-memory');
  expect(opened.at(-1)?.allocatedBytes).toBe(bytes);
  expect(valueOf(await generate(4)).tokens).toEqual(tokens);
});
