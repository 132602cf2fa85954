import type { Budget } from './budget.ts';
import { TemplateError } from './lexer.ts';
import { charactersOf } from './text-methods.ts';
import { Dict, itemsOf, typeName, Undefined, type CallArguments, type Value } from './values.ts';

/** What filters need from the interpreter. */
export interface Surroundings {
  readonly budget: Budget;
  /** `object[key]`, and the attribute `key` if there is no such item. */
  readonly item: (object: Value, key: Value) => Value;
  readonly filter: (name: string, value: Value, args: CallArguments) => Value;
  readonly test: (name: string, value: Value, args: CallArguments) => boolean;
}

export type Filter = (value: Value, args: CallArguments, around: Surroundings) => Value;

/** The items of a value that can be looped over. */
export function iterate(value: Value, budget: Budget): readonly Value[] {
  if (value instanceof Undefined) return [];
  const items =
    typeof value === 'string' ? charactersOf(value) : value instanceof Dict ? value.keys() : itemsOf(value);
  if (!items) throw new TemplateError(`${typeName(value)} cannot be looped over`);
  budget.items(items.length);
  return items;
}
