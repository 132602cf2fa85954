import { bytesOf } from '../../gpu/plan/element-type.ts';
import { LENGTH_BYTES } from '../loader/safetensors.ts';
import type { ExportedTensor } from './exported-tensors.ts';

const dtypes = { f16: 'F16', bf16: 'BF16' } as const;

/** Bytes of a tensor in the file. */
export const bytesOfTensor = ({ spec, type }: ExportedTensor) => spec.rows * spec.cols * bytesOf(type);

/** The beginning of a safetensors file that holds these tensors one after the other. The format: loader/safetensors.ts. */
export function safetensorsHeader(tensors: readonly ExportedTensor[]): Uint8Array {
  let end = 0;
  const entries = tensors.map((tensor) => {
    const { spec, type } = tensor;
    const begin = end;
    end += bytesOfTensor(tensor);
    const shape = spec.vector ? [spec.cols] : [spec.rows, spec.cols];
    return [spec.name, { dtype: dtypes[type], shape, data_offsets: [begin, end] }] as const;
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
