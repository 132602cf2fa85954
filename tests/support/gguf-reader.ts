/** Reads GGUF as its specification says, apart from what writes it. */
export interface ReadGguf {
  readonly facts: ReadonlyMap<string, unknown>;
  readonly tensors: ReadonlyMap<
    string,
    { readonly shape: readonly number[]; readonly type: number; readonly bytes: Uint8Array }
  >;
}

/** Bytes of a block, and its numbers, by GGML's type. */
const blocks: Readonly<Record<number, readonly [bytes: number, numbers: number]>> = {
  0: [4, 1],
  1: [2, 1],
  2: [18, 32],
  8: [34, 32],
  30: [2, 1],
};

export function readGguf(parts: readonly Uint8Array[]): ReadGguf {
  const file = new Uint8Array(Buffer.concat(parts));
  const view = new DataView(file.buffer);
  let at = 0;
  const u32 = () => view.getUint32((at += 4) - 4, true);
  const u64 = () => Number(view.getBigUint64((at += 8) - 8, true));
  const text = () => {
    const length = u64();
    return new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(at, (at += length)));
  };
  const value = (kind: number): unknown => {
    if (kind === 4) return u32();
    if (kind === 6) return view.getFloat32((at += 4) - 4, true);
    if (kind === 7) return view.getUint8(at++) === 1;
    if (kind === 8) return text();
    if (kind !== 9) throw new Error(`a value of kind ${kind}`);
    const of = u32();
    return Array.from({ length: u64() }, () => value(of));
  };
  if (new TextDecoder().decode(file.subarray(0, 4)) !== 'GGUF') throw new Error('no GGUF');
  at = 4;
  if (u32() !== 3) throw new Error('another version');
  const [tensorCount, factCount] = [u64(), u64()];
  const facts = new Map<string, unknown>();
  for (let i = 0; i < factCount; i++) {
    const name = text();
    facts.set(name, value(u32()));
  }
  const heads = Array.from({ length: tensorCount }, () => {
    const name = text();
    const shape = Array.from({ length: u32() }, u64);
    return { name, shape, type: u32(), offset: u64() };
  });
  const data = Math.ceil(at / 32) * 32;
  let end = data;
  const tensors = new Map(
    heads.map(({ name, shape, type, offset }) => {
      const [bytes, numbers] = blocks[type] ?? [NaN, NaN];
      const length = (shape.reduce((product, each) => product * each, 1) / numbers) * bytes;
      if (offset % 32 !== 0) throw new Error(`${name} is not aligned`);
      end = Math.max(end, data + Math.ceil((offset + length) / 32) * 32);
      const own = file.subarray(data + offset, data + offset + length);
      return [name, { shape, type, bytes: own }] as const;
    }),
  );
  if (end !== file.byteLength) throw new Error(`the file has ${file.byteLength} bytes, and ends at ${end}`);
  return { facts, tensors };
}
