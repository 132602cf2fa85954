import { meanOf } from '../../gpu/plan/conversion.ts';
import { bytesOf, toBf16, toF16, toFloat32 } from '../../gpu/numbers/element-type.ts';
import { type ByteReader } from '../loader/byte-reader.ts';
import { cutShort, openData, type CheckpointFile } from '../loader/checkpoint.ts';
import type { LocatedTensor } from '../loader/locate-tensors.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { Refused } from '../outcome.ts';
import type { RoundTo } from '../protocol/export.ts';
import type { ExportedTensor } from './exported-tensors.ts';

/** How many bytes of stored tensors are in memory at once, rounded to whole rows. */
const PIECE_BYTES = 4 * 2 ** 20;
/** Up to here, skipping bytes is cheaper than opening the file again. */
const LONGEST_SKIP_BYTES = 16 * 2 ** 20;

/** Reads a checkpoint's tensors again for an export. Consecutive tensors of a file come from one reader. */
export class TensorBytes {
  readonly #source: ModelSource;
  #last: { readonly file: CheckpointFile; readonly reader: ByteReader } | null = null;

  constructor(source: ModelSource) {
    this.#source = source;
  }

  /** A tensor's bytes in its exported type, piece by piece. */
  async *of(tensor: ExportedTensor): AsyncGenerator<Uint8Array, void> {
    const { spec, type, sources } = tensor;
    const [only] = sources;
    if (sources.length === 1 && only) {
      const reader = await this.#readerAt(only);
      for await (const [piece = new Uint8Array()] of pieces([{ located: only, reader }])) {
        yield only.type === type ? piece : rounded([toFloat32(piece, only.type)], type, spec.name);
      }
      return;
    }
    const open: Opened[] = [];
    try {
      for (const located of new Set(sources)) open.push({ located, reader: await this.#newReader(located) });
      for await (const read of pieces(open)) {
        const values = new Map(
          open.map(({ located }, i) => [located, toFloat32(read[i] ?? none, located.type)]),
        );
        const parts = sources.flatMap((located) => values.get(located) ?? []);
        yield rounded(parts, type, spec.name);
      }
    } finally {
      for (const { reader } of open) await reader.close();
    }
  }

  /** Closes the file that was read last. */
  async close(): Promise<void> {
    await this.#last?.reader.close();
    this.#last = null;
  }

  async #readerAt(located: LocatedTensor): Promise<ByteReader> {
    const { file, tensor } = located;
    const ahead = this.#last?.file === file ? file.dataStart + tensor.begin - this.#last.reader.position : -1;
    if (this.#last && ahead >= 0 && ahead <= LONGEST_SKIP_BYTES) {
      await this.#last.reader.skip(ahead);
      return this.#last.reader;
    }
    await this.close();
    this.#last = { file, reader: await this.#newReader(located) };
    return this.#last.reader;
  }

  #newReader({ file, tensor }: LocatedTensor): Promise<ByteReader> {
    return openData(this.#source, file, tensor.begin);
  }
}

interface Opened {
  readonly located: LocatedTensor;
  readonly reader: ByteReader;
}

const none = new Uint8Array();

/** The same rows of several tensors of one shape, piece by piece. */
async function* pieces(open: readonly Opened[]): AsyncGenerator<readonly Uint8Array[], void> {
  const [first] = open;
  if (!first) return;
  const { rows, cols } = first.located.spec;
  const rowBytes = open.reduce((sum, { located }) => sum + cols * bytesOf(located.type), 0);
  const rowsAtOnce = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - row);
    const read: Uint8Array[] = [];
    for (const { located, reader } of open) {
      const bytes = count * cols * bytesOf(located.type);
      const piece = await reader.read(bytes);
      if (piece.length < bytes) {
        throw cutShort(located.file, reader.position, `within tensor ${located.spec.name}`);
      }
      read.push(piece);
    }
    yield read;
  }
}

/** The mean of tensors, in 16 bits. */
function rounded(parts: readonly Float32Array[], type: RoundTo, name: string): Uint8Array {
  const values = meanOf(parts);
  if (type === 'bf16') return new Uint8Array(toBf16(values).buffer);
  const halves = toF16(values);
  const infinite = halves.findIndex((bits, i) => (bits & 0x7fff) === 0x7c00 && Number.isFinite(values[i]));
  if (infinite >= 0) {
    const reason = `tensor ${name} holds ${values[infinite] ?? NaN}, more than f16 can; choose bf16`;
    throw new Refused({ code: 'export-failed', file: 'model.safetensors', reason });
  }
  return new Uint8Array(halves.buffer);
}
