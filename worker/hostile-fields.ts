import { Refused } from './outcome.ts';

/** Characters of a field's name in a failure. */
const LONGEST_FIELD = 200;

interface WholeRange {
  readonly min: number;
  readonly max: number;
  /** The value of an absent field; without one the field is required. */
  readonly fallback?: number;
}

/** Whose fault a wrong field is: the request's, or that of a file. */
export type Blame = 'bad-request' | { readonly file: string };

/** True for what JSON writes in braces. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * An object from outside whose fields are checked as they are read. An absent field and `null` are the same.
 * Every method throws {@link Refused} with the field's path, such as `rope_scaling.factor`.
 */
export class HostileFields {
  // A map, because a field may be called `__proto__`.
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #blame: Blame;
  readonly #path: string;

  constructor(object: Readonly<Record<string, unknown>>, blame: Blame, path = '') {
    this.#fields = new Map(Object.entries(object));
    this.#blame = blame;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** True if the field is present, even as null. */
  says(name: string): boolean {
    return this.#fields.has(name);
  }

  /** The field as it is; undefined if it is absent or null. */
  raw(name: string): unknown {
    return this.#fields.get(name) ?? undefined;
  }

  /** A whole number in a range, both ends included. */
  whole(name: string, { min, max, fallback }: WholeRange): number {
    const value = this.number(name, fallback);
    if (!Number.isSafeInteger(value)) this.refuse(name, `${value} is not a whole number`);
    if (value < min) this.refuse(name, `${value} is below ${min}`);
    if (value > max) this.refuse(name, `${value} is above ${max}`);
    return value;
  }

  /** A finite number. */
  number(name: string, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    if (value === undefined) this.lack(name);
    if (typeof value !== 'number' || !Number.isFinite(value))
      this.refuse(name, `${show(value)} is not a number`);
    return value;
  }

  /** A finite number above zero. */
  positive(name: string, fallback?: number): number {
    const value = this.number(name, fallback);
    if (value <= 0) this.refuse(name, `${value} is not above zero`);
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== 'boolean') this.refuse(name, `${show(value)} is neither true nor false`);
    return value;
  }

  text(name: string, fallback?: string): string {
    const value = this.raw(name) ?? fallback;
    if (value === undefined) this.lack(name);
    if (typeof value !== 'string') this.refuse(name, `${show(value)} is not a text`);
    return value;
  }

  /** One of a few words. */
  choice<T extends string>(name: string, words: readonly T[], fallback: T): T {
    const value = this.text(name, fallback);
    const word = words.find((known) => known === value);
    if (word === undefined) this.refuse(name, `${show(value)} is none of ${words.join(', ')}`);
    return word;
  }

  /** An array of whole numbers from 0 on. */
  wholeNumbers(name: string): readonly number[] {
    return this.wholeNumbersIn(name, this.raw(name) ?? []);
  }

  /** {@link wholeNumbers} for a value inside the field `name`. */
  wholeNumbersIn(name: string, value: unknown): readonly number[] {
    if (!Array.isArray(value)) this.refuse(name, `${show(value)} is not an array`);
    return value.map((item: unknown, index) => {
      if (typeof item === 'number' && Number.isSafeInteger(item) && item >= 0) return item;
      return this.refuse(name, `entry ${index}, ${show(item)}, is not a whole number from 0 on`);
    });
  }

  /** The fields of an object inside this one; null if there is none. */
  inner(name: string): HostileFields | null {
    const value = this.raw(name);
    if (value === undefined) return null;
    if (!isObject(value)) this.refuse(name, `${show(value)} is not an object`);
    return new HostileFields(value, this.#blame, this.#pathOf(name));
  }

  /** Refuses the first field that is not among `known`, by name. */
  refuseUnknown(known: readonly string[]): void {
    for (const name of this.#fields.keys()) {
      if (!known.includes(name)) this.refuse(name, `there is no such field; known are ${known.join(', ')}`);
    }
  }

  /** Refuses a field that is needed and absent or null, and says which of both. */
  lack(name: string): never {
    return this.refuse(name, this.says(name) ? 'it is null' : 'the field is missing');
  }

  refuse(name: string, reason: string): never {
    const field = visible(this.#pathOf(name).slice(0, LONGEST_FIELD));
    const why = brief(reason);
    if (this.#blame === 'bad-request') throw new Refused({ code: 'bad-request', field, reason: why });
    throw new Refused({ code: 'bad-config', file: this.#blame.file, field, reason: why });
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

/** Characters of a reason. It may quote a stranger's name or text, which may be of any length. */
const LONGEST_REASON = 400;

/** A reason as people may read it: not too long, and without characters that hide or turn what stands beside them. */
export const brief = (reason: string) =>
  visible(reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}…` : reason);

/** A text in which characters that hide, or turn what stands beside them, are written out. */
export const visible = (text: string) =>
  text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return `\\u{${code}}`;
  });

const SHOWN = 60;

/**
 * A value as a complaint shows it: JSON, cut after {@link SHOWN} characters, without hidden ones. It may be of any size
 * and depth.
 */
export function show(value: unknown): string {
  const text = written(value, SHOWN + 1);
  return visible(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

/** At least the first `room` characters of a value's JSON. */
function written(value: unknown, room: number): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, room));
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object') return typeof value;
  const isArray = Array.isArray(value);
  let text = isArray ? '[' : '{';
  for (const [key, item] of isArray ? value.slice(0, room).entries() : Object.entries(value)) {
    // Each level writes its bracket, so a deep value ends here too.
    if (text.length > room) return text;
    if (text.length > 1) text += ',';
    if (typeof key === 'string') text += `${JSON.stringify(key.slice(0, room))}:`;
    text += text.length > room ? '' : written(item, room - text.length);
  }
  return text + (isArray ? ']' : '}');
}
