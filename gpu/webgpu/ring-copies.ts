import { slotOf } from '../kv/slots.ts';
import { kvRowBytes } from '../kv/usage.ts';
import type { StepForward } from './forward.ts';
import { copyRows } from './kernels/copy-rows.ts';
import type { Scope } from './memory.ts';
import type { Job } from './pacer.ts';
import type { PrefillBuffers } from './prefill-layer.ts';
import type { TurnOfText } from './prompt-stores.ts';

// Loaded only for prompts of a plan with windows.

/**
 * Copies rows between rings and the scratch stores that stand in for them.
 *
 * @param rangeOf the positions `[from, to)` of a turn that are copied
 */
export async function ringCopies(
  { context, dims, kvPrecision }: StepForward,
  scope: Scope,
  { storeBuffers }: PrefillBuffers,
  turns: readonly TurnOfText[],
  direction: 'from-ring' | 'to-ring',
  rangeOf: (turn: TurnOfText) => { readonly from: number; readonly to: number },
): Promise<readonly Job[]> {
  const recorder = context.kernels.record(scope);
  const rowWords = kvRowBytes(dims, kvPrecision) / 4;
  let copies: { readonly buffer: GPUBuffer; readonly rows: number } | null = null;
  for (const [owner, { buffer, slots: ring }] of turns[0]?.session.storeBuffers ?? []) {
    const scratch = storeBuffers.get(owner);
    if (ring.kind !== 'ring' || !scratch) continue;
    // The rings of a text have the same slots, and so have its scratch stores.
    copies ??= copiesOf(
      turns.flatMap((turn, i) => {
        const [own, standIn] = [turn.session.storeBuffers.get(owner)?.slots, scratch.layouts[i]];
        if (!own || !standIn) return [];
        const { from, to } = rangeOf(turn);
        return Array.from({ length: Math.max(0, to - from) }, (_, at) => {
          const slots = [slotOf(own, from + at), slotOf(standIn, from + at)];
          return direction === 'from-ring' ? slots : slots.toReversed();
        });
      }),
    );
    if (copies.rows === 0) return [];
    const [source, sink] = direction === 'from-ring' ? [buffer, scratch.buffer] : [scratch.buffer, buffer];
    recorder.add(copyRows, { rowWords }, { source, sink, copies: copies.buffer });
  }
  const rows = copies?.rows ?? 0;
  if (rows === 0) return [];
  const recording = await recorder.finish();
  return [
    {
      work: 0,
      dispatch: (pass) => {
        recording.replay(pass, 0, rows);
      },
    },
  ];

  function copiesOf(slots: readonly (readonly number[])[]) {
    const buffer = scope.storage(`copies ${direction}`, 8 * slots.length);
    context.device.queue.writeBuffer(buffer, 0, Uint32Array.from(slots.flat()));
    return { buffer, rows: slots.length };
  }
}
