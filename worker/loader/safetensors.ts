/**
 * The header of a safetensors file: 8 bytes of length, JSON, then the tensors' bytes without gaps.
 * Pure. Refuses everything that the reference library refuses, and says what is wrong and where.
 * https://github.com/huggingface/safetensors#format
 */
import { isObject, show } from '../hostile-fields.ts';
import { BadJson, parseHostileJson } from '../hostile-json.ts';

export interface StoredTensor {
  readonly name: string;
  /** As the file calls it: `F32`, `BF16`, `I64`… */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes `[begin, end)` of the data, which starts after the header. Any alignment. */
  readonly begin: number;
  readonly end: number;
}

export interface TensorTable {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What the file says about itself, in texts. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Bytes of all tensors; the file ends with them. */
  readonly dataBytes: number;
}

/** Why a header is refused. The loader adds the file's name. */
export class BadHeader extends Error {}

/** Bytes of the length that a file starts with. */
export const LENGTH_BYTES = 8;
/** Enough for 100,000 tensors, more than any model has. The format allows 100 MB, which take seconds to read. */
const MAX_HEADER_BYTES = 32_000_000;
/** Tensors, and `__metadata__`. */
const MAX_HEADER_NAMES = 100_001;
/** Each tensor takes about 7 values. */
const MAX_HEADER_VALUES = 700_000;
/** More dimensions than any program uses. */
const MAX_AXES = 64;

const bitsOf: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...{ F64: 64, F32: 32, F16: 16, BF16: 16, I64: 64, I32: 32, I16: 16, I8: 8, C64: 64 },
    ...{ U64: 64, U32: 32, U16: 16, U8: 8, BOOL: 8, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8 },
    ...{ F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8, F6_E2M3: 6, F6_E3M2: 6, F4: 4 },
  }),
);

/**
 * Bytes of the JSON header.
 *
 * @param bytes     the file's first 8 bytes, or fewer if it has no more
 * @param fileBytes size of the file; null if unknown
 * @throws BadHeader
 */
export function headerLength(bytes: Uint8Array, fileBytes: number | null): number {
  if (bytes.length < LENGTH_BYTES)
    throw new BadHeader(`the file has ${bytes.length} bytes, not even a header`);
  const said = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (said > BigInt(MAX_HEADER_BYTES)) {
    throw new BadHeader(`the header is said to have ${said} bytes, more than ${MAX_HEADER_BYTES}`);
  }
  const length = Number(said);
  if (length < 2) throw new BadHeader(`the header is said to have ${length} bytes, too few for JSON`);
  if (fileBytes !== null && LENGTH_BYTES + length > fileBytes) {
    throw new BadHeader(`the header is said to have ${length} bytes, the file has ${fileBytes}`);
  }
  return length;
}

/**
 * The tensors that a header names.
 *
 * @param header    the JSON's bytes
 * @param fileBytes size of the file; null if unknown
 * @throws BadHeader
 */
export function parseHeader(header: Uint8Array, fileBytes: number | null): TensorTable {
  const tensors = new Map<string, StoredTensor>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, entry] of Object.entries(parseJson(header))) {
    if (name === '__metadata__') metadata = readMetadata(entry);
    else tensors.set(name, readTensor(name, entry));
  }
  const dataBytes = checkCover([...tensors.values()]);
  if (fileBytes !== null) {
    const present = fileBytes - LENGTH_BYTES - header.length;
    if (present < dataBytes) {
      throw new BadHeader(`the file is cut short: ${present} of ${dataBytes} bytes of tensors are there`);
    }
    if (present > dataBytes)
      throw new BadHeader(`${present - dataBytes} bytes after the last tensor belong to none`);
  }
  return { tensors, metadata, dataBytes };
}

function parseJson(header: Uint8Array): Readonly<Record<string, unknown>> {
  const text = decodeUtf8(header);
  if (!text.startsWith('{')) throw new BadHeader('the header does not start with "{"');
  const limits = {
    length: MAX_HEADER_BYTES,
    values: MAX_HEADER_VALUES,
    names: MAX_HEADER_NAMES,
    nonFinite: false,
    isFile: true,
  };
  let json: unknown;
  try {
    json = parseHostileJson(text, limits);
  } catch (error) {
    throw error instanceof BadJson ? new BadHeader(`of the header: ${error.message}`) : error;
  }
  if (!isObject(json)) throw new BadHeader('the header is not a JSON object');
  return json;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new BadHeader('the header is not UTF-8');
  }
}

function readMetadata(entry: unknown): ReadonlyMap<string, string> {
  if (entry === null) return new Map(); // The reference library reads it as absent.
  const refuse = (): never => {
    throw new BadHeader('__metadata__ is not an object of texts');
  };
  if (!isObject(entry)) return refuse();
  return new Map(
    Object.entries(entry).map(([name, value]) => [name, typeof value === 'string' ? value : refuse()]),
  );
}

function readTensor(name: string, entry: unknown): StoredTensor {
  const refuse = (reason: string): never => {
    throw new BadHeader(`tensor ${show(name)}: ${reason}`);
  };
  if (!isObject(entry)) return refuse('its entry is not an object');
  const fields = new Map(Object.entries(entry)); // a key may be called `__proto__`
  for (const needed of ['dtype', 'shape', 'data_offsets']) {
    if (!fields.has(needed)) refuse(`it has no ${needed}`);
  }

  const dtype = fields.get('dtype');
  const bits = typeof dtype === 'string' ? bitsOf.get(dtype) : undefined;
  if (typeof dtype !== 'string' || bits === undefined) return refuse(`there is no dtype ${show(dtype)}`);

  const shape = wholes(fields.get('shape'));
  if (!shape) return refuse(`shape ${show(fields.get('shape'))} is not an array of whole numbers`);

  if (shape.length > MAX_AXES) return refuse(`its shape has ${shape.length} axes, more than ${MAX_AXES}`);

  const offsets = wholes(fields.get('data_offsets'));
  const [begin, end] = offsets ?? [];
  if (begin === undefined || end === undefined || offsets?.length !== 2) {
    return refuse(`data_offsets ${show(fields.get('data_offsets'))} are not two whole numbers`);
  }
  if (begin > end) refuse(`data_offsets ${show(offsets)} run backwards`);

  let elements = 1;
  for (const length of shape) {
    elements *= length;
    if (!Number.isSafeInteger(elements * bits))
      refuse(`shape ${show(shape)} has more elements than can be counted`);
  }
  if (elements * bits !== (end - begin) * 8) {
    refuse(
      `data_offsets hold ${end - begin} bytes, shape ${show(shape)} of ${dtype} takes ${(elements * bits) / 8}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

/** Checks that the tensors follow each other from 0 on without a gap. Returns the end of the last one. */
function checkCover(tensors: StoredTensor[]): number {
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of tensors) {
    if (begin > covered)
      throw new BadHeader(`bytes ${covered} to ${begin}, before ${show(name)}, belong to no tensor`);
    if (begin < covered) throw new BadHeader(`tensor ${show(name)} overlaps the one before it`);
    covered = end;
  }
  return covered;
}

/** Whole numbers from 0 to 2^53 − 1, or null for anything else. */
function wholes(value: unknown): readonly number[] | null {
  if (!Array.isArray(value)) return null;
  const numbers = value.filter(
    (item: unknown): item is number => Number.isSafeInteger(item) && Number(item) >= 0,
  );
  return numbers.length === value.length ? numbers : null;
}
