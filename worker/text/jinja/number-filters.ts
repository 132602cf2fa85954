/** Filters that make numbers. */
import { Given } from './arguments.ts';
import type { Filter } from './filter.ts';
import { TemplateError } from './lexer.ts';
import { strip } from './text-methods.ts';
import { Float, numberOf, typeName, Undefined, type Value } from './values.ts';

const isPlain = (value: Value): value is boolean | number | Float => numberOf(value) !== null;

export const toWhole: Filter = (value, args) => {
  if (value instanceof Undefined) value.refuse();
  const given = new Given('int', args, ['default', 'base']);
  const base = given.whole('base', 10);
  if (typeof value === 'string') {
    const trimmed = strip(value, null, 'both').replace(/_(?=[0-9a-zA-Z])/g, '');
    const digits =
      base === 16 ? trimmed.replace(/^0[xX]/, '') : base === 2 ? trimmed.replace(/^0[bB]/, '') : trimmed;
    const allowed = base === 10 ? /^[+-]?\d+$/ : /^[+-]?[0-9a-zA-Z]+$/;
    const parsed = allowed.test(digits) ? parseInt(digits, base) : NaN;
    if (!Number.isNaN(parsed)) return parsed;
    const float = Number(trimmed === '' ? NaN : trimmed);
    return Number.isFinite(float) ? Math.trunc(float) : given.or('default', 0);
  }
  const number = numberOf(value);
  return number !== null && Number.isFinite(number) ? Math.trunc(number) : given.or('default', 0);
};

export const toFloat: Filter = (value, args) => {
  if (value instanceof Undefined) value.refuse();
  const fallback = new Given('float', args, ['default']).or('default', new Float(0));
  if (isPlain(value)) return new Float(numberOf(value) ?? 0);
  if (typeof value !== 'string') return fallback;
  const trimmed = strip(value, null, 'both');
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (special)
    return new Float(special[2]?.toLowerCase() === 'nan' ? NaN : special[1] === '-' ? -Infinity : Infinity);
  const number = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed) ? Number(trimmed) : NaN;
  return Number.isNaN(number) ? fallback : new Float(number);
};

export const round: Filter = (value, args) => {
  const given = new Given('round', args, ['precision', 'method']);
  const number = numberOf(value);
  if (number === null) throw new TemplateError(`${typeName(value)} cannot be rounded`);
  const scale = 10 ** given.whole('precision', 0);
  const method = given.text('method', 'common');
  const scaled = number * scale;
  if (method === 'ceil') return new Float(Math.ceil(scaled) / scale);
  if (method === 'floor') return new Float(Math.floor(scaled) / scale);
  const down = Math.floor(scaled);
  // Python rounds halves to the even neighbor.
  const nearest = scaled - down === 0.5 ? down + (Math.abs(down % 2) === 1 ? 1 : 0) : Math.round(scaled);
  return new Float(nearest / scale);
};
