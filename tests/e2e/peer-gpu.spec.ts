import { expect, test } from 'playwright/test';
import { compareOf, peerLink } from './peer-stories.ts';

test('transformers.js writes the tokens of kvtab on WebGPU, also in 8 and 4 bits, and its buffers are counted', async ({
  page,
}) => {
  test.slow();
  const bits = { '3.weights': 'q8', '4.weights': 'q4' };
  const engines = { '3.engine': 'transformers.js', '4.engine': 'transformers.js' };
  const models = { '3.model': 'fairy-llama', '4.model': 'fairy-llama' };
  await page.goto(peerLink({ backend: 'webgpu', max: '4', ...bits, ...engines, ...models }));
  const { column, run } = compareOf(page);
  await run();
  for (const [number, weights] of [
    [2, 'f32 weights'],
    [3, '8-bit weights'],
    [4, '4-bit weights'],
  ] as const) {
    await expect(column(number)).toContainText(
      /Its 4 greedy tokens after the same \d+ tokens are those of kvtab\./,
    );
    await expect(column(number)).toContainText(/MiB WebAssembly memory, [\d.]+ MiB GPU buffers/);
    await expect(column(number)).toContainText(`WebGPU, ort-wasm-simd-threaded.asyncify.wasm, ${weights}`);
  }
});
