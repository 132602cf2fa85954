/**
 * A file in GGUF, version 3, as llama.cpp reads models: facts by name, then tensors, each at a multiple of 32 bytes. Little
 * endian. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */

/** How GGML keeps a tensor's numbers, by its own numbers for it. */
export const tensorTypes = { f32: 0, f16: 1, q4_0: 2, q8_0: 8, bf16: 30 } as const;
export type TensorType = keyof typeof tensorTypes;

const kinds = { uint32: 4, float32: 6, text: 8, list: 9 } as const;
const ALIGNMENT = 32;
const VERSION = 3;

interface Tensor {
  readonly name: string;
  /** The length of a row first, as GGML counts. */
  readonly shape: readonly number[];
  readonly type: TensorType;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export class GgufFile {
  readonly #facts = new Bytes();
  #factCount = 0;
  readonly #tensors: Tensor[] = [];

  whole(name: string, value: number): void {
    this.#fact(name, kinds.uint32).uint32(value);
  }

  number(name: string, value: number): void {
    this.#fact(name, kinds.float32).float32(value);
  }

  text(name: string, value: string): void {
    this.#fact(name, kinds.text).text(value);
  }

  texts(name: string, values: readonly string[]): void {
    const facts = this.#fact(name, kinds.list);
    facts.uint32(kinds.text);
    facts.uint64(values.length);
    for (const value of values) facts.text(value);
  }

  tensor(name: string, shape: readonly number[], type: TensorType, bytes: Uint8Array<ArrayBuffer>): void {
    this.#tensors.push({ name, shape, type, bytes });
  }

  /** The file, in pieces that follow one another: tensors are not copied. */
  toParts(): readonly Uint8Array<ArrayBuffer>[] {
    const head = new Bytes();
    head.uint32(0x46554747); // "GGUF"
    head.uint32(VERSION);
    head.uint64(this.#tensors.length);
    head.uint64(this.#factCount);
    head.append(this.#facts.taken());
    let at = 0;
    for (const { name, shape, type, bytes } of this.#tensors) {
      head.text(name);
      head.uint32(shape.length);
      for (const length of shape) head.uint64(length);
      head.uint32(tensorTypes[type]);
      head.uint64(at);
      at += aligned(bytes.byteLength);
    }
    head.pad();
    return [head.taken(), ...this.#tensors.flatMap(({ bytes }) => [bytes, padding(bytes.byteLength)])];
  }

  #fact(name: string, kind: number): Bytes {
    this.#factCount++;
    this.#facts.text(name);
    this.#facts.uint32(kind);
    return this.#facts;
  }
}

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const padding = (bytes: number) => new Uint8Array(aligned(bytes) - bytes);

const encoder = new TextEncoder();

/** Bytes that grow. */
class Bytes {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  uint32(value: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, value, true);
  }

  uint64(value: number): void {
    const at = this.#take(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  float32(value: number): void {
    const at = this.#take(4);
    this.#view.setFloat32(at, value, true);
  }

  text(value: string): void {
    const bytes = encoder.encode(value);
    this.uint64(bytes.byteLength);
    this.append(bytes);
  }

  append(bytes: Uint8Array): void {
    const at = this.#take(bytes.byteLength);
    this.#bytes.set(bytes, at);
  }

  pad(): void {
    this.append(padding(this.#length));
  }

  taken(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Makes room, and says where it begins. The bytes may be others then. */
  #take(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.byteLength) {
      const grown = new Uint8Array(2 * this.#length);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
