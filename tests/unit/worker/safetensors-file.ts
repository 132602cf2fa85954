/** The bytes of a safetensors file, from a header that need not be valid. */
export function fileOf(
  header: string | Uint8Array,
  data: Uint8Array | number = 0,
  saidLength?: bigint,
): Uint8Array<ArrayBuffer> {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const tensors = typeof data === 'number' ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + json.length + tensors.length);
  new DataView(file.buffer).setBigUint64(0, saidLength ?? BigInt(json.length), true);
  file.set(json, 8);
  file.set(tensors, 8 + json.length);
  return file;
}

export interface TensorOf {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A valid file that holds these tensors, in this order. */
export function fileOfTensors(tensors: ReadonlyMap<string, TensorOf>): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = [...tensors].map(([name, { dtype, shape, bytes }]) => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const data = new Uint8Array(end);
  for (const [name, { data_offsets }] of entries) data.set(tensors.get(name)?.bytes ?? [], data_offsets[0]);
  return fileOf(JSON.stringify(Object.fromEntries(entries)), data);
}
