import { expect, it } from 'vitest';
import type { ModelWeights } from '../../../gpu/backend.ts';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { hardwareTuning } from '../../../gpu/webgpu/tuning.ts';
import { expectAllClose } from '../../support/all-close.ts';
import { layersOf, sharingOf } from '../../support/arbitrary-plans.ts';
import { openGpuBackend, putRandomModel, runSession, tinyDims } from '../../support/random-model.ts';

// On lavapipe the backend picks the kernels for software adapters. A visitor with a GPU gets these.
it("Firefox compiles a GPU's kernels, and they compute the same as the CPU twin", async () => {
  const gpu = await openGpuBackend({ tuning: { ...hardwareTuning, attendWorkgroup: 8 } });
  const [onGpu, onCpu] = await putRandomModel([gpu, openCpuBackend()], tinyDims, layersOf('0_2_2_3'));
  const options = {
    sharing: sharingOf('0_2_2s_3', { windowTokens: 5 }),
    passes: { forward: 3, backward: 1 },
    kvPrecision: 'f32',
    capacityTokens: 40,
  } as const;
  const turns = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7]];
  for (const mode of ['parallel', 'sequential'] as const) {
    const got = await runSession(onGpu as ModelWeights, options, { turns, mode, newTokens: 12 });
    const expected = await runSession(onCpu as ModelWeights, options, { turns, mode, newTokens: 12 });
    got.logits.forEach((row, position) => expectAllClose(row, expected.logits[position] ?? [], 5e-4, mode));
    expect(got.tokens).toEqual(expected.tokens);
  }
  gpu.destroy();
});
