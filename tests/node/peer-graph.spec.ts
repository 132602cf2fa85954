/** The graphs on ONNX Runtime's WebGPU, on Dawn in Node, whose software adapter has 16-bit arithmetic. */
import { beforeAll, describe, expect, test } from 'vitest';
import { requestGpu } from '#platform';
import { goldenHf, goldenHfFolder } from '../support/golden.ts';
import { openGraph, type Written } from '../support/run-graph.ts';

beforeAll(async () => {
  const gpu = await requestGpu();
  Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'Node' }, configurable: true });
  // Browsers copy from the shared memory of ONNX Runtime; Dawn in Node refuses it.
  // oxlint-disable-next-line typescript/unbound-method
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (this: GPUQueue, buffer, offset, data, ...part) {
    const copy = ArrayBuffer.isView(data) ? new Uint8Array(data as Uint8Array).slice() : data;
    writeBuffer.call(this, buffer, offset, copy, ...part);
  };
});

describe('the graph of a decoder on WebGPU', () => {
  // No more than 31 tokens at once: from 32 on, ONNX Runtime's attention errs on this adapter (docs/measuring.md).
  test.each(['qwen3-mixed-windows', 'qwen2-implicit-bias', 'qwen3-like'])(
    'gives the logits of transformers, for a prompt and for tokens after it: %s',
    async (name) => {
      const { tokens, positions, logits } = await goldenHf(name);
      const graph = await openGraph(goldenHfFolder(name), { provider: 'webgpu' });
      const [, , middle = NaN, last = NaN] = positions;
      let given = await graph.feed(tokens.slice(0, middle + 1));
      const apartFrom = (row: readonly number[] | undefined) =>
        Math.max(...given.map((value, i) => Math.abs(value - (row?.[i] ?? NaN))));
      expect(apartFrom(logits[2])).toBeLessThan(1e-4);
      for (const token of tokens.slice(middle + 1, last + 1)) given = await graph.feed([token]);
      expect(apartFrom(logits[3])).toBeLessThan(1e-4);
    },
  );

  test.each([
    { halves: true, apart: 0.2 },
    { weights: 'q8', quantizeEmbeddings: true, apart: 1e-3 },
    { weights: 'q4', quantizeEmbeddings: true, apart: 1e-3 },
    { weights: 'q4', quantizeEmbeddings: true, halves: true, apart: 0.2 },
  ] as const satisfies readonly (Written & { readonly apart: number })[])(
    'gives the logits of WebAssembly: $weights, 16 bits: $halves',
    async ({ apart, ...written }) => {
      const prompt = [1, 430, 312, 262, 287];
      const [there, here] = await Promise.all(
        (['wasm', 'webgpu'] as const).map(async (provider) => {
          const graph = await openGraph('public/models/fairy-llama', { ...written, provider });
          return graph.feed(prompt);
        }),
      );
      const differences = there?.map((value, i) => Math.abs(value - (here?.[i] ?? NaN)));
      expect(Math.max(...(differences ?? [NaN]))).toBeLessThan(apart);
    },
  );
});
