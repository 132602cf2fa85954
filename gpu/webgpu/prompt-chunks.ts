/** The rows of a prompt that go through a layer at a time. */
export interface PromptChunk {
  readonly firstRow: number;
  readonly rows: number;
}

/** Rows of the kernels' tiles, largest first. */
const tiles = [64, 32, 16, 8, 4, 2];

/** Numbers of rows that leave no tile partly empty, from the most downwards. */
function* fullTiles(most: number): Generator<number> {
  for (const [i, tile] of tiles.entries()) {
    const end = tiles[i - 1] ?? Infinity;
    for (let rows = most - (most % tile); rows >= tile; rows -= tile) if (rows < end) yield rows;
  }
}

/**
 * Cuts a prompt into chunks of bounded work, because a dispatch cannot be ended: a watchdog resets a device that is busy
 * for 2 s, and a stop waits for what was submitted.
 *
 * @param workOf   multiply-adds of the longest job for one row
 * @param mostRows of a chunk
 * @param mostWork of a chunk, as far as one row fits
 */
export function promptChunks(
  rows: number,
  workOf: (row: number) => number,
  { mostRows, mostWork }: { readonly mostRows: number; readonly mostWork: number },
): readonly PromptChunk[] {
  const chunks: PromptChunk[] = [];
  for (let firstRow = 0; firstRow < rows;) {
    const most = Math.min(mostRows, rows - firstRow);
    // The last row has the most keys.
    const fits = (count: number) => count * workOf(firstRow + count - 1) <= mostWork;
    let count = 1;
    for (const each of [most, ...fullTiles(most)]) {
      if (!fits(each)) continue;
      count = each;
      break;
    }
    chunks.push({ firstRow, rows: count });
    firstRow += count;
  }
  return chunks;
}
