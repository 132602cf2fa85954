import type { GpuContext } from '../../gpu/webgpu/device.ts';

/**
 * Bytes per second that the adapter moves when it copies a buffer, counting both reads and writes. A decoder's speed is
 * compared with it. The best of a few copies, of numbers that no hardware can compress.
 */
export async function copyBytesPerSec(context: GpuContext): Promise<number> {
  const { device, ledger, adapter } = context;
  const bytes = (adapter.software ? 32 : 256) * 2 ** 20;
  const scope = ledger.scope('bandwidth');
  try {
    const from = scope.storage('from', bytes);
    const to = scope.storage('to', bytes);
    await scope.settled();
    const noise = Uint32Array.from({ length: 2 ** 20 }, (_, i) => Math.imul(i + 1, 2654435761) ^ (i << 7));
    for (let at = 0; at < bytes; at += noise.byteLength) device.queue.writeBuffer(from, at, noise);
    await context.wait(device.queue.onSubmittedWorkDone());

    const copies = adapter.software ? 4 : 32;
    let best = 0;
    for (let round = 0; round < 4; round++) {
      const encoder = device.createCommandEncoder();
      for (let i = 0; i < copies; i++) encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
      const startMs = performance.now();
      device.queue.submit([encoder.finish()]);
      await context.wait(device.queue.onSubmittedWorkDone());
      const sec = (performance.now() - startMs) / 1000;
      best = Math.max(best, (2 * bytes * copies) / sec);
    }
    return best;
  } finally {
    scope.free();
  }
}
