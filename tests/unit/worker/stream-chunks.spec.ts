import { describe, expect, it, vi } from 'vitest';
import { chunksIn } from '../../../worker/stream-chunks.ts';

/** A stream of numbers that breaks after them if it is told to. */
function numbers(count: number, breaks: Error | null = null) {
  const cancelled = vi.fn<() => void>();
  let next = 0;
  const stream = new ReadableStream<number>({
    pull(controller) {
      if (next < count) controller.enqueue(next++);
      else if (breaks) controller.error(breaks);
      else controller.close();
    },
    cancel: cancelled,
  });
  return { stream, cancelled };
}

async function all<Chunk>(chunks: AsyncIterable<Chunk>): Promise<Chunk[]> {
  const read: Chunk[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return read;
}

describe('The chunks of a stream', () => {
  it('arrive in order', async () => {
    expect(await all(chunksIn(numbers(4).stream))).toEqual([0, 1, 2, 3]);
  });

  it('are none without a stream', async () => {
    expect(await all(chunksIn(null))).toEqual([]);
  });

  it('end with the loop, which cancels the stream', async () => {
    const { stream, cancelled } = numbers(4);
    for await (const chunk of chunksIn(stream)) if (chunk === 1) break;
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it('end when whoever watches the reads gives up, which cancels the stream', async () => {
    const { stream, cancelled } = numbers(Infinity);
    let reads = 0;
    const chunks = chunksIn(stream, (reading) =>
      ++reads > 2 ? Promise.reject(new Error('too slow')) : reading,
    );
    await expect(all(chunks)).rejects.toThrow('too slow');
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it('fail with what a watcher says of a failure', async () => {
    const { stream } = numbers(1, new Error('the network is gone'));
    const chunks = chunksIn(stream, (reading) =>
      reading.catch((error: unknown) => {
        throw new Error('weights.bin', { cause: error });
      }),
    );
    await expect(all(chunks)).rejects.toThrow('weights.bin');
  });
});
