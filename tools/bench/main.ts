import { join } from 'node:path';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { openFolderSource } from '../headless/folder-source.ts';
import { openDawn } from '../headless/vulkan.ts';
import { bench, type BenchReport, type BenchRequest } from './bench.ts';

/** Runs the bench in Node. */
export async function main(
  request: BenchRequest,
  root: string,
  findSoftwareVulkan: () => Promise<string | undefined>,
): Promise<BenchReport> {
  const backend =
    request.backend === 'cpu'
      ? await openProcessorBackend()
      : await openWebGpuBackend(await openDawn(findSoftwareVulkan));
  try {
    return await bench(request, backend, (model) => openFolderSource(join(root, 'public', 'models', model)));
  } finally {
    backend.destroy();
  }
}
