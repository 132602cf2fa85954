import type { ModelDims } from '../plan/model-dims.ts';
import type { Address } from './kernels.ts';
import type { WasmLayers } from './layers.ts';
import type { LinearMemory } from './linear-memory.ts';
import { padded } from '../numbers/panels.ts';

/** What the logits of a block may take for as long as they are read. */
const MOST_BYTES = 4 * 2 ** 20;

/**
 * The logits of several hidden states, block by block, so that the head's weights are read once for each block.
 *
 * @param blockRows the most rows that go through a matrix together
 */
export function rowsOfLogits(
  memory: LinearMemory,
  layers: WasmLayers,
  { hiddenSize, vocabSize, tiedEmbeddings }: ModelDims,
  blockRows: number,
  hidden: readonly Float32Array[],
  onRow: (index: number, logits: Float32Array) => void,
): void {
  const [hiddenBytes, logitsBytes] = [4 * padded(hiddenSize), 4 * padded(vocabSize)];
  const most = Math.max(1, Math.min(blockRows, hidden.length, Math.floor(MOST_BYTES / logitsBytes)));
  const taken: Address[] = [];
  const take = (what: string, bytes: number) => {
    const address = memory.allocate(`logits/${what}`, bytes);
    taken.push(address);
    return address;
  };
  try {
    const [rows, logits] = [take('hidden', most * hiddenBytes), take('rows', most * logitsBytes)];
    for (let from = 0; from < hidden.length; from += most) {
      const block = hidden.slice(from, from + most);
      for (const [i, row] of block.entries()) memory.floats(rows + i * hiddenBytes, hiddenSize).set(row);
      layers.normAndProject(rows, tiedEmbeddings ? 'embed' : 'head', logits, block.length);
      for (const i of block.keys()) onRow(from + i, memory.floats(logits + i * logitsBytes, vocabSize));
    }
  } finally {
    for (const address of taken) memory.free(address);
  }
}
