/** A missing adapter fails the test. A skip would look green on every machine without a driver. */
export async function adapterOrFail(gpu: GPU, where: string): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error(`WebGPU found no adapter (${where}).`);
  return adapter;
}
