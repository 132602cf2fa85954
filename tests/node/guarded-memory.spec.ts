import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../gpu/backend.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { openWasmBackend } from '../../gpu/wasm/backend.ts';
import { instructionsHere } from '../../gpu/wasm/kernels.ts';
import { threadsInNode } from '../../tools/headless/threads-in-node.ts';
import { layersOf } from '../support/arbitrary-plans.ts';
import { arbitrarySequences } from '../support/arbitrary-sequences.ts';
import { guardPieces } from '../support/guarded-memory.ts';
import { helperScript } from '../support/helper-threads.ts';
import { putRandomModel, tinyDims } from '../support/random-model.ts';
import { fc } from '../support/seeded-properties.ts';
import { writeTogether } from '../support/write-sequences.ts';

const arbitraryDims: fc.Arbitrary<ModelDims> = fc
  .record({
    hiddenSize: fc.constantFrom(8, 20, 32, 100, 192),
    intermediateSize: fc.constantFrom(4, 28, 64, 130, 300),
    kvHeads: fc.integer({ min: 1, max: 3 }),
    group: fc.integer({ min: 1, max: 3 }),
    headDim: fc.constantFrom(2, 6, 8, 24, 32, 126, 128),
    qkvBias: fc.boolean(),
    qkNorm: fc.boolean(),
  })
  .map(({ group, ...dims }) => ({ ...tinyDims, ...dims, heads: dims.kvHeads * group }));
const formats = fc.record({
  type: fc.constantFrom('f16' as const, 'f32' as const),
  weights: fc.constantFrom('stored' as const, 'q8' as const, 'q4' as const, 'w4a8' as const),
  quantizeEmbeddings: fc.boolean(),
});

describe.each(instructionsHere())('Kernels (%s) write nothing beyond their rooms', (instructions) => {
  let guards: ReturnType<typeof guardPieces>;
  let backends: Backend[] = [];
  beforeAll(async () => {
    guards = guardPieces();
    const three = threadsInNode(3, await helperScript(), { leastWork: 0 });
    backends = [await openWasmBackend(instructions), await openWasmBackend(instructions, three)];
  });
  afterAll(() => {
    for (const backend of backends) backend.destroy();
    guards.restore();
  });

  it('with several texts at once, of any plan and policy', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryDims, formats, arbitrarySequences, async (dims, stored, sequences) => {
        const models = await putRandomModel(backends, dims, layersOf('0_1_2_3'), stored);
        for (const model of models) {
          await writeTogether(model, sequences);
          model.free();
        }
        expect(guards.written()).toEqual([]);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});
