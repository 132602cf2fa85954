import { keptFormat } from '../../gpu/numbers/matrix-format.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import type { GuardedText } from '../text/guarded-text.ts';
import { decoderGguf, ggufBytes, NotWritable } from './gguf/decoder-gguf.ts';
import { MOST_TOKENS } from './gguf/token-text.ts';
import { readCheckpoint, TooLarge, type CheckpointOptions } from './model-files.ts';

/** WebAssembly's memory in wllama ends at 4 GiB, and needs some beside the weights. */
const LONGEST_FILE = 3 * 2 ** 30;

export interface GgufFiles {
  readonly dims: ModelDims;
  /** null if the model has no tokenizer. Close it. */
  readonly text: GuardedText | null;
  /** The file, in pieces that follow one another. */
  readonly gguf: readonly Uint8Array<ArrayBuffer>[];
  readonly positions: number;
  /** As llama.cpp keeps keys and values: in 16 bits. */
  readonly kvBytesPerToken: number;
  /** How most matrices are kept. */
  readonly matrices: 'f32' | 'f16' | 'bf16' | 'q8' | 'q4';
}

/**
 * A checkpoint under a plan, as llama.cpp reads it.
 *
 * @throws NotWritable, TooLarge, Refused, NotQuantizable
 */
export async function ggufFiles(options: CheckpointOptions): Promise<GgufFiles> {
  const { weights, quantizeEmbeddings } = options;
  const formats = { weights, quantizeEmbeddings };
  const { dims, text, sharing, tensors, storedAs, positions } = await readCheckpoint(options, (request) => {
    const { dims: shape, storedLayers, storedAs: stored } = request;
    if (shape.vocabSize > MOST_TOKENS) throw new NotWritable(`it has more than ${MOST_TOKENS} tokens`);
    const bytes = ggufBytes(shape, storedLayers, { ...formats, storedAs: stored, positions: 0 });
    if (bytes > LONGEST_FILE) throw new TooLarge(bytes, LONGEST_FILE);
  });
  const query = weightSpecs(dims, sharing.layers).find(({ role }) => role === 'q');
  if (!query) throw new Error('the model has no layers');
  const matrices = keptFormat(query, storedAs(query), formats);
  return {
    ...{ dims, text, positions, matrices },
    gguf: decoderGguf(dims, sharing.layers, tensors, { ...formats, storedAs, positions }),
    kvBytesPerToken: 2 * 2 * dims.layerCount * dims.kvHeads * dims.headDim,
  };
}
