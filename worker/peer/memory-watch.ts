/**
 * What a library allocates in this worker, seen from outside: the WebAssembly memories that it makes, and the buffers that
 * it creates on a GPU. Only what happens after the watch has begun is seen, and buffers that are dropped without being
 * destroyed still count.
 */
import type { PeerMemory } from '../protocol/peer.ts';

/** @returns asks for what there is now */
export function watchMemory(): () => PeerMemory {
  const memories: WebAssembly.Memory[] = [];
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(target, given: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(...given);
      memories.push(memory);
      return memory;
    },
  });
  const gpuBytes = 'GPUDevice' in globalThis ? watchBuffers() : () => null;
  return () => ({
    heapBytes:
      memories.length === 0 ? null : memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
    gpuBytes: gpuBytes(),
  });
}

function watchBuffers(): () => number | null {
  let bytes: number | null = null;
  const alive = new WeakSet<GPUBuffer>();
  // Both are called with the device and the buffer that they belong to.
  // oxlint-disable-next-line typescript/unbound-method
  const { createBuffer } = GPUDevice.prototype;
  // oxlint-disable-next-line typescript/unbound-method
  const { destroy } = GPUBuffer.prototype;
  GPUDevice.prototype.createBuffer = function (this: GPUDevice, descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    alive.add(buffer);
    bytes = (bytes ?? 0) + buffer.size;
    return buffer;
  };
  GPUBuffer.prototype.destroy = function (this: GPUBuffer) {
    if (alive.delete(this)) bytes = (bytes ?? 0) - this.size;
    destroy.call(this);
  };
  return () => bytes;
}
