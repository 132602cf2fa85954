/**
 * Collects the nodes and tensors of an ONNX graph, and writes the file. Field numbers are those of onnx.proto.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { toF16 } from '../../../gpu/numbers/element-type.ts';
import { bytes, float, int, littleEndian, message, string, type Field } from './protobuf.ts';

export type ElementType = keyof typeof elementTypes;

/** The type that a graph computes with. */
export type Numbers = 'float' | 'float16';

/** A length, or the name of a length that varies from run to run. */
export type Axis = number | string;

/** An integer, an array of integers, or a float, which must be marked as one. */
type Attribute = number | readonly number[] | { readonly float: number };

interface OpOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Empty for ONNX's own operators. */
  readonly domain?: string;
  /** Names of the outputs; '' for one that nobody needs. */
  readonly outputs?: readonly string[];
}

const IR_VERSION = 8;
const OPSET = 17;
const elementTypes = { float: 1, uint8: 2, int32: 6, int64: 7, float16: 10 } as const;
/** The number of an element type, for `Cast`. */
export const castTo = (type: ElementType): number => elementTypes[type];

const attributeTypes = { float: 1, int: 2, ints: 7 } as const;
/** Operators that ONNX Runtime adds and that exports of language models use. */
export const MICROSOFT = 'com.microsoft';

export class OnnxGraph {
  readonly numbers: Numbers;
  readonly #nodes: Field[] = [];
  readonly #initializers: Field[] = [];
  readonly #inputs: Field[] = [];
  readonly #outputs: Field[] = [];
  readonly #whole = new Map<string, string>();
  #names = 0;

  constructor(numbers: Numbers = 'float') {
    this.numbers = numbers;
  }

  /** A graph input; its name is also the name of its value. */
  input(name: string, type: ElementType, shape: readonly Axis[]): string {
    this.#inputs.push(bytes(11, valueInfo(name, type, shape)));
    return name;
  }

  /** Makes the value of this name an output of the graph. */
  output(name: string, type: ElementType, shape: readonly Axis[]): void {
    this.#outputs.push(bytes(12, valueInfo(name, type, shape)));
  }

  /** A tensor of the model, in the type that the graph computes with. */
  floats(name: string, shape: readonly number[], values: Float32Array): string {
    const data = littleEndian(this.numbers === 'float' ? values : toF16(values));
    this.#initializers.push(bytes(5, tensor(name, this.numbers, shape, data)));
    return name;
  }

  /** A tensor of bytes. */
  bytes(name: string, shape: readonly number[], values: Uint8Array): string {
    this.#initializers.push(bytes(5, tensor(name, 'uint8', shape, values)));
    return name;
  }

  /** A constant vector of integers: shapes, axes, bounds. Equal vectors share one tensor. */
  ints(...values: readonly number[]): string {
    const key = values.join(',');
    let name = this.#whole.get(key);
    if (name === undefined) {
      this.#whole.set(key, (name = `ints [${key}]`));
      const data = littleEndian(BigInt64Array.from(values, BigInt));
      this.#initializers.push(bytes(5, tensor(name, 'int64', [values.length], data)));
    }
    return name;
  }

  /** A constant integer without axes. */
  scalar(value: number): string {
    return this.op('Squeeze', [this.ints(value)]);
  }

  /** Adds a node. @returns the name of its first output */
  op(type: string, inputs: readonly string[], options: OpOptions = {}): string {
    const name = `${type} ${this.#names++}`;
    const outputs = options.outputs ?? [name];
    const attributes = Object.entries(options.attributes ?? {});
    const node = message([
      ...inputs.map((input) => string(1, input)),
      ...outputs.map((output) => string(2, output)),
      string(3, name),
      string(4, type),
      ...attributes.map(([key, value]) => bytes(5, attribute(key, value))),
      string(7, options.domain ?? ''),
    ]);
    this.#nodes.push(bytes(1, node));
    return outputs[0] ?? name;
  }

  /** The ONNX file. */
  toFile(): Uint8Array<ArrayBuffer> {
    const graph = message([
      ...this.#nodes,
      string(2, 'kvtab'),
      ...this.#initializers,
      ...this.#inputs,
      ...this.#outputs,
    ]);
    return message([
      int(1, IR_VERSION),
      string(2, 'kvtab'),
      bytes(7, graph),
      bytes(8, message([string(1, ''), int(2, OPSET)])),
      bytes(8, message([string(1, MICROSOFT), int(2, 1)])),
    ]);
  }
}

const tensor = (name: string, type: ElementType, shape: readonly number[], data: Uint8Array) =>
  message([
    ...shape.map((length) => int(1, length)),
    int(2, elementTypes[type]),
    string(8, name),
    bytes(9, data),
  ]);

function valueInfo(name: string, type: ElementType, shape: readonly Axis[]) {
  const axes = shape.map((axis) =>
    bytes(1, message([typeof axis === 'number' ? int(1, axis) : string(2, axis)])),
  );
  const tensorType = message([int(1, elementTypes[type]), bytes(2, message(axes))]);
  return message([string(1, name), bytes(2, message([bytes(1, tensorType)]))]);
}

function attribute(name: string, value: Attribute) {
  if (typeof value === 'number')
    return message([string(1, name), int(3, value), int(20, attributeTypes.int)]);
  if ('float' in value)
    return message([string(1, name), float(2, value.float), int(20, attributeTypes.float)]);
  return message([string(1, name), ...value.map((one) => int(8, one)), int(20, attributeTypes.ints)]);
}
