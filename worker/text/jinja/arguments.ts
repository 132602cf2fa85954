import { TemplateError } from './lexer.ts';
import { isTrue, numberOf, orElse, typeName, Undefined, type CallArguments, type Value } from './values.ts';

/** The arguments of a call by the names of its parameters, in their order. */
export class Given {
  readonly #of: string;
  readonly #values = new Map<string, Value>();

  /** @throws TemplateError for an argument that the function does not know */
  constructor(of: string, { positional, named }: CallArguments, parameters: readonly string[]) {
    this.#of = of;
    for (const [i, value] of positional.entries()) {
      const parameter = parameters[i];
      if (parameter === undefined) throw new TemplateError(`${of} takes ${parameters.length} arguments`);
      this.#values.set(parameter, value);
    }
    for (const [name, value] of named) {
      if (!parameters.includes(name)) throw new TemplateError(`${of} has no argument "${name}"`);
      this.#values.set(name, value);
    }
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  value(name: string): Value {
    const value = this.#values.get(name);
    if (value === undefined) throw new TemplateError(`${this.#of} needs the argument "${name}"`);
    return value;
  }

  or(name: string, fallback: Value): Value {
    return orElse(this.#values.get(name), fallback);
  }

  flag(name: string, fallback: boolean): boolean {
    return isTrue(this.or(name, fallback));
  }

  text(name: string, fallback?: string): string {
    const value = fallback === undefined ? this.value(name) : this.or(name, fallback);
    if (typeof value === 'string') return value;
    if (value instanceof Undefined) value.refuse();
    throw new TemplateError(`${this.#of}: "${name}" is ${typeName(value)}, not a text`);
  }

  whole(name: string, fallback?: number): number {
    const value = fallback === undefined ? this.value(name) : this.or(name, fallback);
    const number = typeof value === 'object' ? null : numberOf(value);
    if (number !== null) return number;
    throw new TemplateError(`${this.#of}: "${name}" is ${typeName(value)}, not a whole number`);
  }
}
