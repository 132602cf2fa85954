import { expect, it } from 'vitest';
import type { ModelWeights } from '../../gpu/backend.ts';
import type { WebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { openGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';

const plan = '0_2_2_3';
const prompt = Array.from({ length: 1000 }, (_, i) => i % tinyDims.vocabSize);

// Windows resets a GPU that is busy for 2 s. The adapter has no cores to spare, and a submit waits while
// the machine does something else, so only the median is held to a quarter of that.
const longestSubmitMs = 2000;
const usualSubmitMs = 500;

/** Durations of all submits, each from its submission or the previous end, whichever is later, to its end. */
function timeSubmits({ context }: WebGpuBackend): readonly number[] {
  const { queue } = context.device;
  const durationsMs: number[] = [];
  let lastEndMs = 0;
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    const startMs = performance.now();
    submit(buffers);
    void queue.onSubmittedWorkDone().then(() => {
      const nowMs = performance.now();
      durationsMs.push(nowMs - Math.max(startMs, lastEndMs));
      lastEndMs = nowMs;
    });
  };
  return durationsMs;
}

async function open(backend: WebGpuBackend) {
  const [model] = (await putRandomModel([backend], tinyDims, layersOf(plan))) as [ModelWeights];
  return model.open({
    sharing: sharingOf(plan),
    passes: { forward: 7, backward: 2 },
    kvPrecision: 'f16',
    capacityTokens: prompt.length + 1,
  });
}

it('A parallel prompt of 1000 tokens uses submits too short for any watchdog, with progress', async () => {
  const backend = await openGpuBackend();
  const session = await open(backend);
  const durationsMs = timeSubmits(backend);
  const shares: number[] = [];
  const finished = await session.prefill(prompt, {
    mode: 'parallel',
    logitsAt: [],
    onLogits: () => undefined,
    onProgress: (share) => shares.push(share),
    stopped: () => false,
  });
  expect(finished).toBe(true);
  expect(durationsMs.length).toBeGreaterThan(3);
  const sortedMs = durationsMs.toSorted((a, b) => a - b);
  expect(sortedMs.at(-1)).toBeLessThan(longestSubmitMs);
  expect(sortedMs[sortedMs.length >> 1]).toBeLessThan(usualSubmitMs);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
  expect(shares.filter((share) => share > 0 && share < 1).length).toBeGreaterThan(2);
  backend.destroy();
});

it('A stop takes effect within two submits', async () => {
  const backend = await openGpuBackend();
  const session = await open(backend);
  let stopped = false;
  let stoppedAtMs = 0;
  const finished = await session.prefill(prompt, {
    mode: 'parallel',
    logitsAt: [],
    onLogits: () => undefined,
    onProgress: () => {
      stopped = true;
      stoppedAtMs ||= performance.now();
    },
    stopped: () => stopped,
  });
  expect(finished).toBe(false);
  expect(performance.now() - stoppedAtMs).toBeLessThan(2 * longestSubmitMs);
  backend.destroy();
});
