import { expect, test } from 'playwright/test';
import { compareOf, peerLink } from './peer-stories.ts';

/** Each takes a software adapter twenty seconds to compile; tests/node/peer-graph.spec.ts holds all of them in Node. */
const quantized = process.env['KVTAB_NIGHTLY'] === undefined ? (['q4'] as const) : (['q8', 'q4'] as const);
const words = { q8: '8-bit weights', q4: '4-bit weights' };

test('transformers.js writes the tokens of kvtab on WebGPU, also in few bits, and its buffers are counted', async ({
  page,
}) => {
  test.slow();
  const others = quantized.flatMap((weights, i): (readonly [string, string])[] => [
    [`${i + 3}.weights`, weights],
    [`${i + 3}.engine`, 'transformers.js'],
    [`${i + 3}.model`, 'fairy-llama'],
  ]);
  await page.goto(peerLink({ backend: 'webgpu', max: '4', ...Object.fromEntries(others) }));
  const { column, run } = compareOf(page);
  await run();
  for (const [i, weights] of ['f32 weights', ...quantized.map((bits) => words[bits])].entries()) {
    const text = column(i + 2);
    await expect(text).toContainText(/Its 4 greedy tokens after the same \d+ tokens are those of kvtab\./);
    await expect(text).toContainText(/MiB WebAssembly memory, [\d.]+ MiB GPU buffers/);
    await expect(text).toContainText(`WebGPU, ort-wasm-simd-threaded.asyncify.wasm, ${weights}`);
  }
});
