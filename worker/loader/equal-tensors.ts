import { openData, type CheckpointFile } from './checkpoint.ts';
import type { ModelSource } from './model-source.ts';
import type { StoredTensor } from './safetensors.ts';

/** A tensor in one of a checkpoint's files. */
export interface PlacedTensor {
  readonly file: CheckpointFile;
  readonly tensor: StoredTensor;
}

/** What is read of each tensor at once. */
const PIECE_BYTES = 2 ** 20;

/** Whether two tensors have the same type, shape and bytes. Reads them side by side up to the first difference. */
export async function equalTensors(source: ModelSource, a: PlacedTensor, b: PlacedTensor): Promise<boolean> {
  const sameForm =
    a.tensor.dtype === b.tensor.dtype &&
    a.tensor.shape.length === b.tensor.shape.length &&
    a.tensor.shape.every((length, axis) => length === b.tensor.shape[axis]);
  if (!sameForm) return false;
  const readers = [
    await openData(source, a.file, a.tensor.begin),
    await openData(source, b.file, b.tensor.begin),
  ] as const;
  try {
    for (let left = a.tensor.end - a.tensor.begin; left > 0; left -= PIECE_BYTES) {
      const bytes = Math.min(left, PIECE_BYTES);
      const [one, other] = [await readers[0].read(bytes), await readers[1].read(bytes)];
      if (one.length !== other.length || one.some((byte, i) => byte !== other[i])) return false;
    }
    return true;
  } finally {
    for (const reader of readers) await reader.close();
  }
}
