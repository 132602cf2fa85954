import { join } from 'node:path';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { threadsInNode } from '../headless/threads-in-node.ts';
import { openFolderSource } from '../headless/folder-source.ts';
import { openDawn } from '../headless/vulkan.ts';
import { bench, type BenchReport } from './bench.ts';
import { benchGrowth, type GrowthReport } from './bench-growth.ts';
import { benchThreads, type ThreadsReport } from './bench-threads.ts';
import { benchBatches, type BatchReport } from './bench-batch.ts';
import { countToken, type TokenCounts } from './count/count-token.ts';
import { onnxFiles } from './start/onnx-files.ts';
import { readArguments, usageOf, type BenchRequest, type CountAsked } from './options.ts';

/** For the script, which can only import what is built. */
export const commandLine = { read: readArguments, usage: usageOf };

/** Runs the benchmark in Node. */
export async function main(
  request: BenchRequest,
  root: string,
  findSoftwareVulkan: () => Promise<string | undefined>,
): Promise<BenchReport | BatchReport | ThreadsReport> {
  const onProcessor = (threads: number) => openProcessorBackend(threadsInNode(threads));
  const openSource = shippedIn(root);
  if (request.threads.length > 1) return benchThreads(request, request.threads, onProcessor, openSource);
  const open = async (profiling: boolean) =>
    request.backend === 'cpu'
      ? onProcessor(request.threads[0] ?? 1)
      : openWebGpuBackend(await openDawn(findSoftwareVulkan), { profiling });
  const backend = await open(false);
  try {
    return request.batch
      ? await benchBatches(request, request.batch, backend, openSource)
      : await bench(request, backend, openSource, () => open(true));
  } finally {
    backend.destroy();
  }
}

/** How tokens and prompts grow with the text. */
export async function growth(request: BenchRequest): Promise<GrowthReport> {
  const backend = await openProcessorBackend(threadsInNode(1));
  try {
    return await benchGrowth(request, backend);
  } finally {
    backend.destroy();
  }
}

/** Counts a decoded token, without a GPU. */
export const count = (request: BenchRequest, asked: CountAsked, root: string): Promise<TokenCounts> =>
  countToken(request, asked, shippedIn(root));

/** A shipped model as transformers.js loads it. */
export const onnxOf = (model: string, positions: number, root: string) =>
  onnxFiles(shippedIn(root)(model), positions);

const shippedIn = (root: string) => (model: string) =>
  openFolderSource(join(root, 'public', 'models', model));
