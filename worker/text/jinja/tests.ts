/** Jinja's tests: what stands behind `is`. */
import type { Budget } from './budget.ts';
import { TemplateError } from './lexer.ts';
import { charactersOf } from './text-methods.ts';
import {
  Callable,
  compare,
  Dict,
  Float,
  Generator,
  isEqual,
  numberOf,
  sequenceOf,
  textOf,
  typeName,
  Undefined,
  View,
  type Value,
} from './values.ts';

export type Test = (value: Value, args: readonly Value[], budget: Budget) => boolean;

const first = (args: readonly Value[]): Value => {
  const [value] = args;
  if (value === undefined) throw new TemplateError('a test needs an argument');
  return value;
};

const remainder = (value: Value, by: number): number => {
  const number = numberOf(value);
  if (number === null) throw new TemplateError(`${typeName(value)} is not a number`);
  if (by === 0) throw new TemplateError('it divides by zero');
  return number % by;
};

const ordered =
  (holds: (order: number) => boolean): Test =>
  (value, args, { spend }) =>
    holds(compare(value, first(args), spend));

const equal: Test = (value, args, { spend }) => isEqual(value, first(args), spend);
const different: Test = (value, args, budget) => !equal(value, args, budget);

const isSequence = (value: Value) =>
  sequenceOf(value) !== null || value instanceof Dict || value instanceof Undefined;
const isIterable = (value: Value) => isSequence(value) || value instanceof View || value instanceof Generator;

/** `item in container`. */
export function contains(container: Value, item: Value, { spend }: Budget): boolean {
  if (typeof container === 'string') {
    if (typeof item === 'string') return container.includes(item);
    if (item instanceof Undefined) return item.refuse();
    throw new TemplateError(`a text holds no ${typeName(item)}`);
  }
  if (container instanceof Undefined) return false;
  if (container instanceof Dict) return container.get(item) !== undefined;
  if (container instanceof Generator) {
    for (let each = container.next(); each !== undefined; each = container.next()) {
      if (isEqual(each, item, spend)) return true;
    }
    return false;
  }
  const items = container instanceof View ? container.items : sequenceOf(container);
  if (!items) throw new TemplateError(`${typeName(container)} holds nothing`);
  return items.some((each) => isEqual(each, item, spend));
}

const cased = (text: string) => text.toLowerCase() !== text.toUpperCase();

const aliases = (names: readonly string[], test: Test) => names.map((name) => [name, test] as const);

export const tests: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['defined', (value) => !(value instanceof Undefined)],
  ['undefined', (value) => value instanceof Undefined],
  ['none', (value) => value === null],
  ['boolean', (value) => typeof value === 'boolean'],
  ['true', (value) => value === true],
  ['false', (value) => value === false],
  ['integer', (value) => typeof value === 'number'],
  ['float', (value) => value instanceof Float],
  ['number', (value) => numberOf(value) !== null],
  ['string', (value) => typeof value === 'string'],
  ['mapping', (value) => value instanceof Dict],
  ['iterable', isIterable],
  // Python asks for a length and for items by number; an undefined value has the first and fails at the second.
  ['sequence', isSequence],
  ['callable', (value) => value instanceof Callable || value instanceof Undefined],
  ['sameas', (value, args) => value === first(args)],
  ['escaped', () => false],
  ['in', (value, args, budget) => contains(first(args), value, budget)],
  ['odd', (value) => Math.abs(remainder(value, 2)) === 1],
  ['even', (value) => remainder(value, 2) === 0],
  ['divisibleby', (value, args) => remainder(value, numberOf(first(args)) ?? NaN) === 0],
  [
    'lower',
    (value, _, { spend }) => {
      const text = textOf(value, spend);
      return text === text.toLowerCase() && charactersOf(text).some(cased);
    },
  ],
  [
    'upper',
    (value, _, { spend }) => {
      const text = textOf(value, spend);
      return text === text.toUpperCase() && charactersOf(text).some(cased);
    },
  ],
  ...aliases(['eq', '==', 'equalto'], equal),
  ...aliases(['ne', '!='], different),
  ...aliases(
    ['lt', '<', 'lessthan'],
    ordered((order) => order < 0),
  ),
  ...aliases(
    ['le', '<='],
    ordered((order) => order <= 0),
  ),
  ...aliases(
    ['gt', '>', 'greaterthan'],
    ordered((order) => order > 0),
  ),
  ...aliases(
    ['ge', '>='],
    ordered((order) => order >= 0),
  ),
]);
