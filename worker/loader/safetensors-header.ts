import { LENGTH_BYTES } from './safetensors.ts';

/** A tensor in the header of a file to write. */
export interface WrittenTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** The start of a safetensors file that holds these tensors in order. safetensors.ts describes the format. */
export function safetensorsHeader(tensors: readonly WrittenTensor[]): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const begin = end;
    end += bytes;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  // transformers refuses a file without this.
  const metadata = ['__metadata__', { format: 'pt' }] as const;
  const json = JSON.stringify(Object.fromEntries([metadata, ...entries]));
  // Padded with spaces to a multiple of 8, as other writers do.
  const header = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8));
  const bytes = new Uint8Array(LENGTH_BYTES + header.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, LENGTH_BYTES);
  return bytes;
}
