import type { Budget } from './budget.ts';
import { TemplateError } from './lexer.ts';
import {
  Dict,
  Generator,
  isTrue,
  itemsOf,
  Range,
  typeName,
  Undefined,
  View,
  type CallArguments,
  type Value,
} from './values.ts';

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
  if (value instanceof Range) budget.items(value.length);
  const items = value instanceof Generator ? restOf(value, budget) : knownItems(value);
  if (!items) throw new TemplateError(`${typeName(value)} cannot be looped over`);
  budget.items(items.length);
  return items;
}

function knownItems(value: Value): readonly Value[] | null {
  if (typeof value === 'string') return Array.from(value);
  if (value instanceof Dict) return value.keys();
  return value instanceof Range || value instanceof View ? value.items : itemsOf(value);
}

function restOf(generator: Generator, budget: Budget): readonly Value[] {
  const items: Value[] = [];
  const next = () => budget.deeper(() => generator.next());
  for (let item = next(); item !== undefined; item = next()) {
    items.push(item);
  }
  return items;
}

type Steps = IterableIterator<Value, void>;

/** A generator that begins to compute when its first item is asked for, and whose source is read item by item. */
export function lazily(
  value: Value,
  budget: Budget,
  each: (items: Iterable<Value>) => Iterable<Value>,
): Generator {
  function* items(): Steps {
    if (value instanceof Generator) {
      const next = () => budget.deeper(() => value.next()); // Generators may read from generators.
      for (let item = next(); item !== undefined; item = next()) yield item;
    } else if (isTrue(value)) {
      yield* iterate(value, budget);
    }
  }
  function* computed(): Steps {
    yield* each(items());
  }
  return new Generator(computed());
}
