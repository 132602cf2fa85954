/**
 * The chunks of a stream; none of an answer without a body. Leaving the loop cancels the stream.
 *
 * Not every browser can iterate a stream itself.
 *
 * @param watched what waits for each of the reads: it may give up, or say what a failed one means
 */
export async function* chunksIn<Chunk>(
  stream: ReadableStream<Chunk> | null,
  watched: (reading: Promise<ReadableStreamReadResult<Chunk>>) => typeof reading = (reading) => reading,
): AsyncGenerator<Chunk, void> {
  const reader = stream?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const next = await watched(reader.read());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // A stream that is already broken has nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}
