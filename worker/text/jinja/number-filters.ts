/** Filters that make numbers. */
import { Given } from './arguments.ts';
import { scaled } from './decimals.ts';
import type { Filter } from './filter.ts';
import { TemplateError } from './lexer.ts';
import { whole } from './operators.ts';
import { strip } from './text-methods.ts';
import { Float, numberOf, typeName, Undefined, type Value } from './values.ts';

const isPlain = (value: Value): value is boolean | number | Float => numberOf(value) !== null;

export const toWhole: Filter = (value, args) => {
  if (value instanceof Undefined) value.refuse();
  const given = new Given('int', args, ['default', 'base']);
  const base = given.whole('base', 10);
  if (typeof value === 'string') {
    const text = plainDigits(value);
    const parsed = wholeIn(text, base);
    if (parsed !== null) return whole(parsed);
    const float = floatIn(text);
    return float !== null && Number.isFinite(float) ? whole(Math.trunc(float)) : given.or('default', 0);
  }
  const number = numberOf(value);
  return number !== null && Number.isFinite(number) ? whole(Math.trunc(number)) : given.or('default', 0);
};

export const toFloat: Filter = (value, args) => {
  if (value instanceof Undefined) value.refuse();
  const fallback = new Given('float', args, ['default']).or('default', new Float(0));
  if (isPlain(value)) return new Float(numberOf(value) ?? 0);
  if (typeof value !== 'string') return fallback;
  const number = floatIn(plainDigits(value));
  return number === null ? fallback : new Float(number);
};

/** A text without the white space around it, and with 0 to 9 for the digits of other scripts. */
function plainDigits(text: string): string {
  return strip(text, null, 'both').replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    // Each script has its ten digits in a row.
    const code = digit.codePointAt(0) ?? 0;
    let zero = code;
    while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
    return String(code - zero);
  });
}

const prefixes: Readonly<Record<number, RegExp>> = { 2: /^0b_?/i, 8: /^0o_?/i, 16: /^0x_?/i };

/** `int(text, base)`; null if Python refuses it. */
function wholeIn(text: string, base: number): number | null {
  const sign = text.startsWith('-') ? -1 : 1;
  const unsigned = text.replace(/^[+-]/, '');
  const prefix = prefixes[base];
  const digits = prefix ? unsigned.replace(prefix, '') : unsigned;
  if (base === 0 || base < 0 || base === 1 || base > 36)
    throw new TemplateError(`int cannot read base ${base}`);
  if (!/^[0-9a-z]+(?:_[0-9a-z]+)*$/i.test(digits)) return null;
  const plain = digits.replaceAll('_', '');
  const known = Array.from(plain).every((digit) => !Number.isNaN(parseInt(digit, base)));
  return known ? sign * parseInt(plain, base) + 0 : null;
}

/** `float(text)`; null if Python refuses it. */
function floatIn(text: string): number | null {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special) {
    if (special[2]?.toLowerCase() === 'nan') return NaN;
    return special[1] === '-' ? -Infinity : Infinity;
  }
  const digits = String.raw`\d+(?:_\d+)*`;
  const float = new RegExp(`^[+-]?(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:e[+-]?${digits})?$`, 'i');
  return float.test(text) ? Number(text.replaceAll('_', '')) : null;
}

export const round: Filter = (value, args) => {
  const given = new Given('round', args, ['precision', 'method']);
  const number = numberOf(value);
  if (number === null) throw new TemplateError(`${typeName(value)} cannot be rounded`);
  const places = given.whole('precision', 0);
  const method = given.text('method', 'common');
  if (method === 'common') return rounded(value, number, places);
  const scale = 10 ** places;
  if (method === 'ceil') return new Float(Math.ceil(number * scale) / scale);
  if (method === 'floor') return new Float(Math.floor(number * scale) / scale);
  throw new TemplateError(`there is no method ${JSON.stringify(method)} to round by`);
};

/** Python's `round`: a whole number stays one. */
function rounded(value: Value, number: number, places: number): Value {
  const isFloat = value instanceof Float;
  if (!Number.isFinite(number) || places > 330) return value;
  if (!isFloat && places >= 0) return number;
  if (places < -330) return isFloat ? new Float(0 * number) : 0;
  const size = Number(`${scaled(Math.abs(number), places)}e${-places}`);
  const signed = number < 0 || Object.is(number, -0) ? -size : size;
  return isFloat ? new Float(signed) : signed + 0;
}
