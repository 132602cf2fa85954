import { LENGTH_BYTES } from './safetensors.ts';

/** A tensor as a file that is written names it. */
export interface WrittenTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** The beginning of a safetensors file that holds these tensors one after the other. The format: safetensors.ts. */
export function safetensorsHeader(tensors: readonly WrittenTensor[]): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const begin = end;
    end += bytes;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  // transformers refuses a file that does not say so.
  const metadata = ['__metadata__', { format: 'pt' }] as const;
  const json = JSON.stringify(Object.fromEntries([metadata, ...entries]));
  // Spaces up to a multiple of 8, where the data begins, as other writers have it.
  const header = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8));
  const bytes = new Uint8Array(LENGTH_BYTES + header.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, LENGTH_BYTES);
  return bytes;
}
