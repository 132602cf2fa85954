import { expect, test } from 'playwright/test';
import { compareOf, peerLink } from './peer-stories.ts';

test('transformers.js writes the tokens of kvtab on WebGPU, and its buffers are counted', async ({
  page,
}) => {
  test.slow();
  await page.goto(peerLink({ backend: 'webgpu', max: '4' }));
  const { column, run } = compareOf(page);
  await run();
  await expect(column(2)).toContainText(/Its 4 greedy tokens after the same \d+ tokens are those of kvtab\./);
  await expect(column(2)).toContainText(/MiB WebAssembly memory, [\d.]+ MiB GPU buffers/);
  await expect(column(2)).toContainText(/WebGPU, ort-wasm-simd-threaded\.asyncify\.wasm/);
});
