import { slotOf } from '../kv/slots.ts';
import { kvRowBytes } from '../kv/usage.ts';
import { storeOf } from './decode.ts';
import type { Forward } from './forward.ts';
import type { Recording } from './kernel.ts';
import { copyRows } from './kernels/copy-rows.ts';
import type { Scope } from './memory.ts';
import type { PrefillBuffers } from './prefill-layer.ts';

// Loaded only for a prompt of a plan with windows.

/** The rows of the positions `[from, to)`, between every ring and the scratch store that stands in for it. */
export async function recordRingCopies(
  { context, dims, kvPrecision, session }: Forward,
  scope: Scope,
  buffers: PrefillBuffers,
  direction: 'from-ring' | 'to-ring',
  from: number,
  to: number,
): Promise<Recording> {
  const recorder = context.kernels.record(scope);
  const rowWords = kvRowBytes(dims, kvPrecision) / 4;
  let copies: GPUBuffer | null = null; // Rings have the same slots, and so have scratch stores.
  for (const [owner, scratch] of from < to ? buffers.storeBuffers : []) {
    if (scratch.slots.kind !== 'scratch' || buffers.held) continue;
    const ring = storeOf(session, owner);
    const [source, sink] = direction === 'from-ring' ? [ring, scratch] : [scratch, ring];
    if (!copies) {
      const slots = Array.from({ length: to - from }, (_, i) => [
        slotOf(source.slots, from + i),
        slotOf(sink.slots, from + i),
      ]);
      copies = scope.storage(`copies ${direction}`, 8 * slots.length);
      context.device.queue.writeBuffer(copies, 0, Uint32Array.from(slots.flat()));
    }
    recorder.add(copyRows, { rowWords }, { source: source.buffer, sink: sink.buffer, copies });
  }
  return recorder.finish();
}
