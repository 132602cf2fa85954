import type { GpuContext } from './device.ts';
import type { Recording } from './kernel.ts';
import type { KernelTime } from '../plan/kernel-time.ts';

/**
 * Replays recordings once, with one pass per dispatch, and measures each by timestamps. The extra passes take time, and
 * a page's timestamps are coarse (100 µs in Chromium), so read the fractions and not the times.
 *
 * @throws if the adapter has no clock
 */
export async function timeKernels(
  context: GpuContext,
  recordings: readonly Recording[],
): Promise<readonly KernelTime[]> {
  const { device } = context;
  const dispatches = recordings.reduce((sum, recording) => sum + recording.dispatches, 0);
  const bytes = 16 * dispatches; // two timestamps of 64 bits each
  const scope = context.ledger.scope('profiling');
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 * dispatches });
  try {
    const resolved = scope.allocate(
      'timestamps',
      bytes,
      GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    );
    const staging = scope.staging('timestamps read-back', bytes);
    const kernels: string[] = [];
    const encoder = device.createCommandEncoder({ label: 'profile' });
    for (const recording of recordings) {
      recording.replayApart((kernel) => {
        const begin = 2 * kernels.length;
        kernels.push(kernel);
        return encoder.beginComputePass({
          timestampWrites: { querySet, beginningOfPassWriteIndex: begin, endOfPassWriteIndex: begin + 1 },
        });
      });
    }
    encoder.resolveQuerySet(querySet, 0, 2 * dispatches, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await context.wait(staging.mapAsync(GPUMapMode.READ));
    return sumByKernel(kernels, new BigUint64Array(staging.getMappedRange(0, bytes)));
  } finally {
    querySet.destroy();
    scope.free();
  }
}

function sumByKernel(kernels: readonly string[], timestamps: BigUint64Array): readonly KernelTime[] {
  const times = new Map<string, KernelTime>();
  for (const [i, kernel] of kernels.entries()) {
    const ns = Number((timestamps[2 * i + 1] ?? 0n) - (timestamps[2 * i] ?? 0n));
    const before = times.get(kernel) ?? { kernel, dispatches: 0, gpuUs: 0 };
    times.set(kernel, {
      kernel,
      dispatches: before.dispatches + 1,
      gpuUs: before.gpuUs + Math.max(0, ns) / 1000,
    });
  }
  return [...times.values()];
}
