import { describe, expect, it } from 'vitest';
import type { Backend, ModelWeights } from '../../gpu/backend.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { openCpuBackend } from '../../gpu/reference/backend.ts';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { openGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';

// Most of the vocabulary was read and is nearly impossible, so a forgotten penalty shows at once.
const sampling = { ...greedy, repetitionPenalty: 10 };
const firstTurn = Array.from({ length: 26 }, (_, token) => token);

/** Reads a turn, stops after three tokens, reads another turn, and continues. */
async function talk(model: ModelWeights, plan: string): Promise<readonly number[]> {
  const session = await model.open({
    sharing: sharingOf(plan, { windowTokens: 3 }),
    passes: { forward: 7, backward: 2 },
    kvPrecision: 'f32',
    capacityTokens: 60,
  });
  const tokens: number[] = [];
  const read = (turn: readonly number[]) =>
    session.prefill(turn, {
      mode: 'parallel',
      logitsAt: [],
      onLogits: () => undefined,
      onProgress: () => undefined,
      stopped: () => false,
    });
  const write = (stopAfter: number) =>
    session.decode({
      sampling,
      maxNewTokens: 8,
      endTokens: new Set(),
      onToken: (token) => tokens.push(token),
      stopped: () => tokens.length >= stopAfter,
    });
  await read(firstTurn);
  expect(await write(3)).toBe('stopped');
  await read([tokens.at(-1) ?? 0]); // so short that it reuses positions of discarded steps
  expect(await write(Infinity)).toBe('length');
  session.close();
  return tokens;
}

describe('A second turn after a stop', () => {
  it.each(['0_1_2_3', '0_2_2_3', '0s_1s_2_2'])(
    'continues as if the discarded steps had never run (%s)',
    async (plan) => {
      const gpu = await openGpuBackend();
      const backends: readonly Backend[] = [gpu, await openProcessorBackend(), openCpuBackend()];
      const [onGpu, inWasm, twin] = await putRandomModel(backends, tinyDims, layersOf(plan));
      const expected = await talk(twin as ModelWeights, plan);
      expect(expected).toHaveLength(3 + 8);
      expect(await talk(onGpu as ModelWeights, plan)).toEqual(expected);
      expect(await talk(inWasm as ModelWeights, plan)).toEqual(expected);
      gpu.destroy();
    },
  );
});
