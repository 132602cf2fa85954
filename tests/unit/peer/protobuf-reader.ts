/** Reads protobuf messages. Follows the description of the format, not the code of the writer. */

/** The values of a message by field number, in the order of the message. */
export type Fields = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>;

/** The fields of one message. */
export function fieldsOf(message: Uint8Array): Fields {
  const fields = new Map<number, (bigint | Uint8Array)[]>();
  let at = 0;
  const varint = () => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('the message ends within a number');
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number) => {
    if (at + length > message.length) throw new Error('the message ends within a field');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const value = valueOf(tag & 7, varint, take);
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

function valueOf(wireType: number, varint: () => bigint, take: (length: number) => Uint8Array) {
  if (wireType === 0) return varint();
  if (wireType === 2) return take(Number(varint()));
  if (wireType === 5) return take(4);
  throw new Error(`there is no wire type ${wireType} here`);
}

const raw = (fields: Fields | undefined, field: number) =>
  (fields?.get(field) ?? []).filter((value) => typeof value !== 'bigint');

/** The messages in a field. */
export const partsOf = (fields: Fields | undefined, field: number): Fields[] =>
  raw(fields, field).map((value) => fieldsOf(value));

export const textsOf = (fields: Fields | undefined, field: number): string[] =>
  raw(fields, field).map((value) => new TextDecoder().decode(value));

/** Whole numbers, as signed ones of 64 bits. */
export const numbersOf = (fields: Fields | undefined, field: number): bigint[] =>
  (fields?.get(field) ?? [])
    .filter((value) => typeof value === 'bigint')
    .map((value) => BigInt.asIntN(64, value));

/** Float32 numbers, one or many per field. */
export const floatsOf = (fields: Fields | undefined, field: number): number[] =>
  raw(fields, field).flatMap((value) => [...new Float32Array(value.slice().buffer)]);
