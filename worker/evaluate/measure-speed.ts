import { greedy } from '../../gpu/plan/sampling.ts';
import type { RunnableModel } from '../engine/generate.ts';
import { Refused } from '../outcome.ts';
import type { MeasuredSpeed, SpeedItem } from '../protocol/measure.ts';
import type { TextReader } from './text-reader.ts';

interface SpeedParts {
  readonly budgetBytes: number;
  readonly stopped: () => boolean;
  readonly onTokens: (tokens: number) => void;
}

/**
 * Times one run: a prompt, and greedy tokens after it. Both ends wait for the device, because a prompt ends when its
 * first token is known and decoding ends when the last one is.
 */
export async function measureSpeed(
  reader: TextReader,
  model: RunnableModel,
  { prompt, generate }: SpeedItem,
  { budgetBytes, stopped, onTokens }: SpeedParts,
): Promise<MeasuredSpeed> {
  const { vocabSize } = model.config.dims;
  const tokens = Array.from({ length: prompt }, (_, i) => (i * 7919 + 1) % vocabSize);
  const capacity = prompt + generate;
  const session = await reader.sessionFor(capacity);
  const startMs = performance.now();
  await reader.readPrompt(session, tokens);
  let firstMs = 0;
  const end = await session.decode({
    sampling: greedy,
    maxNewTokens: generate,
    endTokens: new Set(),
    onToken: () => {
      if (firstMs === 0) firstMs = performance.now();
    },
    stopped,
  });
  const endMs = performance.now();
  if (end === 'stopped') throw new Refused({ code: 'stopped' });
  onTokens(generate);
  const { allocatedBytes } = session.kvUsage();
  const weightBytes = model.weights.bytes;
  return {
    kind: 'speed',
    prefillMs: firstMs - startMs,
    decodeMs: endMs - firstMs,
    kvBytes: session.kvBytesInUse,
    kvBytesAllocated: allocatedBytes,
    weightBytes,
    largestBatch: Math.max(0, Math.floor((budgetBytes - weightBytes) / allocatedBytes)),
  };
}
