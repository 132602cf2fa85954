/** Python's values and how Python writes, compares and counts them. */
import { TemplateError } from './lexer.ts';

/** A value of a template. Whole numbers are JavaScript's; texts are counted by characters, not by UTF-16 units. */
export type Value =
  | string
  | number
  | boolean
  | null
  | Float
  | Undefined
  | readonly Value[]
  | Tuple
  | Range
  | View
  | Generator
  | Dict
  | Namespace
  | Callable;

/** A value that was found, None included, or else the fallback: `??` would take None for absent. */
export const orElse = (found: Value | undefined, fallback: Value): Value =>
  found === undefined ? fallback : found;

/** A number with a fraction, which Python writes with a point even if it is whole. */
export class Float {
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

/** The value of a name that is not defined. Printing it gives an empty text, and most other uses are errors. */
export class Undefined {
  readonly name: string;
  readonly #reason: string;

  constructor(name: string, reason = `${name} is undefined`) {
    this.name = name;
    this.#reason = reason;
  }

  refuse(): never {
    throw new TemplateError(this.#reason);
  }
}

export class Tuple {
  readonly items: readonly Value[];
  /** The names that a named tuple has for its items. */
  readonly fields: readonly string[];

  constructor(items: readonly Value[], fields: readonly string[] = []) {
    this.items = items;
    this.fields = fields;
  }
}

export class Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;

  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  get length(): number {
    return Math.max(0, Math.ceil((this.stop - this.start) / this.step));
  }

  get items(): readonly number[] {
    return Array.from({ length: this.length }, (_, i) => this.start + i * this.step);
  }
}

/** What the methods `keys`, `values` and `items` of a dict give. It has a length, but no items by number. */
export class View {
  readonly of: 'keys' | 'values' | 'items';
  readonly items: readonly Value[];

  constructor(of: 'keys' | 'values' | 'items', items: readonly Value[]) {
    this.of = of;
    this.items = items;
  }
}

/** What `map`, `select` and their like give. It can be read once, has no length, and is true even if it is empty. */
export class Generator {
  readonly #items: Iterator<Value>;

  constructor(items: Iterable<Value>) {
    this.#items = items[Symbol.iterator]();
  }

  /** The next item; undefined at the end. */
  next(): Value | undefined {
    const next = this.#items.next();
    return next.done === true ? undefined : next.value;
  }
}

/** A dict: keys that Python takes for equal are one (1, 1.0 and True). */
export class Dict {
  readonly #entries = new Map<string, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(hashOf(key))?.[1];
  }

  set(key: Value, value: Value): void {
    const hash = hashOf(key);
    this.#entries.set(hash, [orElse(this.#entries.get(hash)?.[0], key), value]);
  }

  entries(): readonly (readonly [Value, Value])[] {
    return [...this.#entries.values()];
  }

  keys(): readonly Value[] {
    return this.entries().map(([key]) => key);
  }
}

/** `namespace()`: the one thing that a template may change from within a loop. */
export class Namespace {
  readonly fields = new Map<string, Value>();
}

export interface CallArguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

export class Callable {
  readonly name: string;
  readonly call: (args: CallArguments) => Value;
  /** What can be read of it, as of `loop`. */
  readonly fields: ReadonlyMap<string, Value>;

  constructor(
    name: string,
    call: (args: CallArguments) => Value,
    fields: ReadonlyMap<string, Value> = new Map(),
  ) {
    this.name = name;
    this.call = call;
    this.fields = fields;
  }
}

/** Whether Python takes a value for the key of a dict. */
export function isHashable(key: Value): boolean {
  if (key instanceof Tuple) return key.items.every(isHashable);
  return typeof key !== 'object' || key === null || key instanceof Float || key instanceof Undefined;
}

function hashOf(key: Value): string {
  if (typeof key === 'string') return `s${key}`;
  const number = numberOf(key);
  if (number !== null) return `n${number}`;
  if (key === null) return 'none';
  if (key instanceof Undefined) return 'undefined';
  if (key instanceof Tuple) return `t${key.items.map((item) => JSON.stringify(hashOf(item))).join(',')}`;
  throw new TemplateError(`${typeName(key)} cannot be the key of a dict`);
}

export function typeName(value: Value): string {
  if (typeof value === 'string') return 'str';
  if (typeof value === 'number') return 'int';
  if (typeof value === 'boolean') return 'bool';
  if (value === null) return 'NoneType';
  if (value instanceof Float) return 'float';
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Range) return 'range';
  if (value instanceof View) return `dict_${value.of}`;
  if (value instanceof Generator) return 'generator';
  if (value instanceof Dict) return 'dict';
  if (value instanceof Namespace) return 'Namespace';
  return value instanceof Callable ? 'function' : 'list';
}

/** The items of a list or a tuple; null for anything else. */
export function itemsOf(value: Value): readonly Value[] | null {
  if (value instanceof Tuple) return value.items;
  return isList(value) ? value : null;
}

/** The items of whatever has a length and items by number. A text's are its characters. */
export function sequenceOf(value: Value): readonly Value[] | null {
  if (typeof value === 'string') return Array.from(value);
  return value instanceof Range ? value.items : itemsOf(value);
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** A number, a float or a boolean as a number; null for anything else. */
export function numberOf(value: Value): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof Float ? value.number : null;
}

export function isTrue(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  if (value === null || value instanceof Undefined) return false;
  if (typeof value === 'string') return value !== '';
  const number = numberOf(value);
  if (number !== null) return number !== 0;
  const items = itemsOf(value);
  if (items) return items.length > 0;
  if (value instanceof Range) return value.length > 0;
  if (value instanceof View) return value.items.length > 0;
  return value instanceof Dict ? value.size > 0 : true;
}

/** Counts what a comparison or a rendering of nested values costs. Throws if it is too much. */
export type Spend = (steps: number) => void;

export function isEqual(a: Value, b: Value, spend: Spend): boolean {
  if (a === b) return true;
  spend(1);
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null || y !== null) return x === y;
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a instanceof Dict) {
    if (!(b instanceof Dict) || a.size !== b.size) return false;
    return a.entries().every(([key, value]) => {
      const other = b.get(key);
      return other !== undefined && isEqual(value, other, spend);
    });
  }
  if (a instanceof Range && b instanceof Range) return isEqual(a.items, b.items, spend);
  if (a instanceof View && b instanceof View) return isSameView(a, b, spend);
  if (a instanceof Tuple !== b instanceof Tuple) return false;
  const [one, other] = [itemsOf(a), itemsOf(b)];
  if (!one || one.length !== other?.length) return false;
  return one.every((item, i) => isEqual(item, other[i] ?? null, spend));
}

/** Views of keys and items are sets, and views of values never equal. */
function isSameView(a: View, b: View, spend: Spend): boolean {
  if (a.of === 'values' || b.of === 'values' || a.items.length !== b.items.length) return false;
  return a.items.every((item) => b.items.some((other) => isEqual(item, other, spend)));
}

/** Below 0 if `a` comes first, as Python orders them. */
export function compare(a: Value, b: Value, spend: Spend): number {
  spend(1);
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null && y !== null) return x - y;
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  const [one, other] = [itemsOf(a), itemsOf(b)];
  if (one && other && a instanceof Tuple === b instanceof Tuple) {
    for (const [i, item] of one.entries()) {
      const counterpart = other[i];
      if (counterpart === undefined) return 1;
      if (!isEqual(item, counterpart, spend)) return compare(item, counterpart, spend);
    }
    return one.length - other.length;
  }
  if (a instanceof Undefined) a.refuse();
  if (b instanceof Undefined) b.refuse();
  throw new TemplateError(`${typeName(a)} and ${typeName(b)} have no order`);
}

/** By characters: UTF-16 orders those beyond the first plane differently. */
function compareTexts(a: string, b: string): number {
  const [one, other] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  for (;;) {
    const [x, y] = [one.next(), other.next()];
    if (x.done === true) return y.done === true ? 0 : -1;
    if (y.done === true) return 1;
    const difference = (x.value.codePointAt(0) ?? 0) - (y.value.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
}

/** `str(value)`. */
export function textOf(value: Value, spend: Spend): string {
  if (typeof value === 'string') return value;
  return value instanceof Undefined ? '' : reprOf(value, spend);
}

/** `repr(value)`. */
export function reprOf(value: Value, spend: Spend): string {
  spend(1);
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null) return 'None';
  if (value instanceof Float) return floatText(value.number);
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Namespace) {
    return `<Namespace ${reprOf(new Dict(value.fields), spend)}>`;
  }
  if (value instanceof Callable) return `<function ${value.name}>`;
  if (value instanceof Generator) return '<generator object>';
  if (value instanceof Range) {
    const { start, stop, step } = value;
    return `range(${start}, ${stop}${step === 1 ? '' : `, ${step}`})`;
  }
  if (value instanceof View) return `dict_${value.of}(${reprOf(value.items, spend)})`;
  const inner = (item: Value) => {
    const text = reprOf(item, spend);
    spend(text.length / 64);
    return text;
  };
  if (value instanceof Dict) {
    return `{${value
      .entries()
      .map(([key, item]) => `${inner(key)}: ${inner(item)}`)
      .join(', ')}}`;
  }
  const items = (itemsOf(value) ?? []).map(inner);
  if (!(value instanceof Tuple)) return `[${items.join(', ')}]`;
  return items.length === 1 ? `(${items.join()},)` : `(${items.join(', ')})`;
}

/** Python writes the same shortest digits as JavaScript, with an exponent from 1e16 on and below 1e-4. */
export function floatText(number: number): string {
  if (Number.isNaN(number)) return 'nan';
  if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf';
  if (Object.is(number, -0)) return '-0.0';
  const size = Math.abs(number);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) {
    const [digits = '', exponent = ''] = number.toExponential().split('e');
    const sign = exponent.startsWith('-') ? '-' : '+';
    return `${digits}e${sign}${exponent.slice(1).padStart(2, '0')}`;
  }
  const text = String(number);
  return text.includes('.') ? text : `${text}.0`;
}

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const written = text.replace(/[\\'"]|[\p{C}\p{Z}]/gu, (char) => {
    if (char === "'" || char === '"') return char === quote ? `\\${char}` : char;
    if (char === ' ') return char;
    const known = named[char];
    if (known !== undefined) return known;
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x10000
      ? `\\u${code.toString(16).padStart(4, '0')}`
      : `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return quote + written + quote;
}
