import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { openPageSource } from '../../worker/loader/page-source.ts';
import { valueOf } from '../../worker/outcome.ts';
import { bench, type BenchReport } from './bench.ts';
import { benchBatches, type BatchReport } from './bench-batch.ts';
import type { BenchRequest } from './options.ts';

declare global {
  // `var`, because nothing else declares a property of globalThis.
  var runBench: (request: BenchRequest) => Promise<BenchReport | BatchReport>;
}

globalThis.runBench = async (request) => {
  const open = (profiling: boolean) =>
    request.backend === 'cpu' ? openProcessorBackend() : openWebGpuBackend(navigator.gpu, { profiling });
  const backend = await open(false);
  const page = new URL('/public/', location.href).href;
  const openSource = (model: string) => valueOf(openPageSource(page, model));
  return request.batch
    ? benchBatches(request, request.batch, backend, openSource)
    : bench(request, backend, openSource, () => open(true));
};
