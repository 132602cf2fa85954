import type { Value } from './values.ts';

/** Names, and those of the scopes around. */
export class Scope {
  readonly #names = new Map<string, Value>();
  readonly #around: Scope | null;

  constructor(around: Scope | null) {
    this.#around = around;
  }

  get(name: string): Value | undefined {
    const found = this.#names.get(name);
    return found === undefined ? this.#around?.get(name) : found;
  }

  set(name: string, value: Value): void {
    this.#names.set(name, value);
  }
}
