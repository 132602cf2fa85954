/** Python's arithmetic. */
import type { Budget } from './budget.ts';
import { formatted } from './percent-format.ts';
import { TemplateError } from './lexer.ts';
import { Float, isList, numberOf, Tuple, typeName, Undefined, type Value } from './values.ts';

/** A sign before a value. */
export function signed(operator: '-' | '+', value: Value): Value {
  if (value instanceof Undefined) value.refuse();
  const number = numberOf(value);
  if (number === null) throw new TemplateError(`${typeName(value)} has no sign`);
  if (value instanceof Float) return new Float(operator === '-' ? -number : number);
  return operator === '-' ? 0 - number : number;
}

/** `left operator right` for every operator that computes. */
export function binary(operator: string, left: Value, right: Value, budget: Budget): Value {
  if (operator === '%' && typeof left === 'string') return formatted(left, right, budget);
  for (const side of [left, right]) if (side instanceof Undefined) side.refuse();
  if (operator === '+') {
    const sum = joined(left, right, budget);
    if (sum !== null) return sum;
  }
  if (operator === '*') {
    const repeated = times(left, right, budget) ?? times(right, left, budget);
    if (repeated !== null) return repeated;
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a === null || b === null) {
    throw new TemplateError(`${typeName(left)} ${operator} ${typeName(right)} is not defined`);
  }
  const isFloat = left instanceof Float || right instanceof Float;
  const result = computed(operator, a, b);
  const fraction = operator === '/' || (operator === '**' && b < 0);
  return isFloat || fraction ? new Float(result) : whole(result);
}

/** Python's whole numbers have any size. Rounding one would be silently wrong. */
export function whole(number: number): number {
  if (Number.isSafeInteger(number)) return number;
  throw new TemplateError('it computes with a whole number beyond 2^53');
}

function computed(operator: string, a: number, b: number): number {
  if (b === 0 && (operator === '/' || operator === '//' || operator === '%')) {
    throw new TemplateError('it divides by zero');
  }
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '//':
      return Math.floor((a - remainder(a, b)) / b + 0.5);
    case '%':
      return remainder(a, b);
    default:
      return a ** b;
  }
}

/** With the sign of the divisor, as in Python. */
function remainder(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 === b < 0 ? rest : rest + b;
}

function joined(left: Value, right: Value, budget: Budget): Value | null {
  if (typeof left === 'string' && typeof right === 'string') {
    budget.text(left.length + right.length);
    return left + right;
  }
  if (left instanceof Tuple && right instanceof Tuple) {
    budget.items(left.items.length + right.items.length);
    return new Tuple([...left.items, ...right.items]);
  }
  if (!isList(left) || !isList(right)) return null;
  budget.items(left.length + right.length);
  return [...left, ...right];
}

function times(value: Value, count: Value, budget: Budget): Value | null {
  const often = count instanceof Float ? null : numberOf(count);
  if (often === null) return null;
  const n = Math.max(0, often);
  if (typeof value === 'string') {
    budget.text(value.length * n);
    return value.repeat(n);
  }
  const items = value instanceof Tuple ? value.items : isList(value) ? value : null;
  if (!items) return null;
  budget.items(items.length * n);
  const repeated = Array.from({ length: items.length * n }, (_, i) => items[i % items.length] ?? null);
  return value instanceof Tuple ? new Tuple(repeated) : repeated;
}
