import { modelSource } from '#platform';
import { describe, expect, it } from 'vitest';
import { openCpuBackend } from '../../gpu/reference/backend.ts';
import { openWasmBackend } from '../../gpu/wasm/backend.ts';
import { benchBatches } from '../../tools/bench/bench-batch.ts';
import { bench } from '../../tools/bench/bench.ts';
import type { BenchRequest } from '../../tools/bench/options.ts';
import { parseShape } from '../../tools/bench/shapes.ts';
import { shippedFolder } from '../support/golden.ts';
import { openGpuBackend } from '../support/random-model.ts';

const request: BenchRequest = {
  model: 'fairy-lckv',
  shape: null,
  weights: 'stored',
  ...{ quantizeEmbeddings: false, workgroupRows: '32' },
  ...{ kvPrecision: 'f16', freeze: false },
  policy: { id: 'none' },
  config: {},
  mode: 'parallel',
  promptTokens: 5,
  newTokens: 6,
  repeats: 1,
  threads: [1],
  batch: null,
  backend: 'webgpu',
};
const openProfiling = () => openGpuBackend({ profiling: true });
const openSource = (id: string) => modelSource(shippedFolder(id));

describe('The bench', () => {
  it('counts the cost of a token for a random model of any shape, and frees the model', async () => {
    const backend = await openGpuBackend();
    const shape = '3,64,96,4,2,16,160';
    const config = { layerTypes: '0_2_2' };
    const { token, weightBytes } = await bench(
      { ...request, shape, config },
      backend,
      openSource,
      openProfiling,
    );
    const dims = parseShape(shape);
    // q, o, gate, up and down per layer, k and v of two owners, embedding, head, and norms in float32.
    const numbers = 3 * (2 * 64 * 64 + 3 * 64 * 96) + 2 * 2 * 32 * 64 + 2 * dims.vocabSize * dims.hiddenSize;
    expect(weightBytes).toBeGreaterThan(2 * numbers);
    expect(token).toMatchObject({ submits: 1 });
    // Tokens that come fast share a read-back.
    expect(token?.readBacks).toBeGreaterThan(1 / 11);
    expect(token?.readBacks).toBeLessThanOrEqual(1);
    // The first token uses the state of the prefill. The others run each layer in at most six dispatches.
    expect(token?.dispatches).toBeGreaterThan(3 * 5);
    expect(token?.dispatches).toBeLessThanOrEqual(3 * 6 + 3);
    // A token reads every matrix but the embedding, and the rows that each layer sees: in layers 0 and 2 its own, too.
    const kvRows = 3 * (request.promptTokens + 9 - 1) + 2;
    expect(token?.bytesRead).toBe(2 * (numbers - dims.vocabSize * dims.hiddenSize) + kvRows * 2 * 2 * 32);
    expect(backend.allocatedBytes).toBe(0);
    backend.destroy();
  });

  it('measures GPU time by kernel if the adapter has timestamps', async () => {
    const backend = await openGpuBackend();
    const { token, decodeTokensPerSec } = await bench(request, backend, openSource, openProfiling);
    expect(decodeTokensPerSec.median).toBeGreaterThan(0);
    const kernels = token?.gpuUsByKernel?.map(({ kernel, dispatches }) => `${dispatches} ${kernel}`);
    // 8 layers, 3 of them owners.
    expect(kernels).toEqual([
      '1 embed',
      '11 project-heads',
      '8 attend',
      '17 project',
      '8 gate-up',
      '1 sample',
    ]);
    backend.destroy();
  });

  it('measures the CPU backend', async () => {
    const report = await bench({ ...request, backend: 'cpu' }, openCpuBackend(), openSource, () =>
      Promise.reject(new Error('the CPU has no kernels to time')),
    );
    expect(report.adapter.backend).toBe('cpu');
    expect(report.decodeTokensPerSec.median).toBeGreaterThan(0);
    expect(report.token).toBeNull();
  });

  it('refuses an invalid shape', () => {
    expect(() => parseShape('12,x')).toThrow('"12,x" is no shape: give 135m or 1.1b');
    expect(() => parseShape('2,64,96,4,3,16,160')).toThrow('kvHeads does not divide heads');
  });

  it('measures several sequences at once, under several plans and within a budget', async () => {
    const backend = await openWasmBackend('simd');
    const shape = '3,64,96,4,2,16,160';
    const batch = { sizes: [1, 3, 4000], plans: ['0_1_2', '0_2_2'], budgetBytes: 2_000_000 };
    const report = await benchBatches({ ...request, shape }, batch, backend, openSource);
    const [plain, shared] = report.plans;
    expect(report.plans.map(({ layerTypes }) => layerTypes)).toEqual(batch.plans);
    expect((shared?.kvBytesPerToken ?? 0) / (plain?.kvBytesPerToken ?? 1)).toBe(2 / 3);
    expect(shared?.largest?.places).toBeGreaterThan(plain?.largest?.places ?? Infinity);
    for (const { batches, kvBytesPerToken } of report.plans) {
      expect(batches.map(({ sequences, places }) => [sequences, places])).toEqual([
        [1, 1],
        [3, 3],
      ]);
      expect(batches[1]?.perStep).toEqual(batches[0]?.perStep);
      const tokens = request.promptTokens + request.newTokens - 1;
      expect(batches.map(({ kvBytes }) => kvBytes)).toEqual([1, 3].map((n) => n * tokens * kvBytesPerToken));
      expect(batches[1]?.throughputTokensPerSec.median).toBeGreaterThan(0);
    }
    expect(backend.allocatedBytes).toBe(0);
    backend.destroy();
  });
});
