/** Python's `pattern.format(values)`. Its other format is in percent-format.ts. */
import type { Budget } from './budget.ts';
import { checkPlaces, escaped, floatText, wholeDigits } from './number-text.ts';
import { TemplateError } from './lexer.ts';
import { charactersOf } from './text-methods.ts';
import {
  Float,
  floatText as shortest,
  numberOf,
  reprOf,
  textOf,
  typeName,
  Undefined,
  type CallArguments,
  type Value,
} from './values.ts';

/** `object.name` and `object[key]`, as templates find them. */
export interface Lookup {
  readonly attribute: (object: Value, name: string) => Value;
  readonly item: (object: Value, key: Value) => Value;
}

/** Python's `pattern.format(…)`. */
export function formatText(pattern: string, args: CallArguments, lookup: Lookup, budget: Budget): string {
  let counted = 0;
  const write = (part: string, depth: number): string => {
    if (depth > 2) throw new TemplateError('a format is nested too deep');
    const parts: string[] = [];
    let at = 0;
    while (at < part.length) {
      const brace = /[{}]/.exec(part.slice(at));
      if (!brace) break;
      const begin = at + brace.index;
      parts.push(part.slice(at, begin));
      if (part[begin + 1] === brace[0]) {
        parts.push(brace[0]);
        at = begin + 2;
        continue;
      }
      if (brace[0] === '}') throw new TemplateError('a format has a "}" too many');
      const end = closing(part, begin);
      parts.push(field(part.slice(begin + 1, end), depth));
      at = end + 1;
    }
    parts.push(part.slice(at));
    const written = parts.join('');
    budget.text(written.length);
    return written;
  };
  const field = (text: string, depth: number): string => {
    const [, path = '', conversion, spec = ''] = /^([^!:]*)(?:!([sra]))?(?::([\s\S]*))?$/.exec(text) ?? [];
    if (path === '' && text !== '' && !/^[!:]/.test(text))
      throw new TemplateError(`a format has a field "${text}"`);
    const value = reach(path);
    return specified(converted(value, conversion, budget), write(spec, depth + 1), budget);
  };
  const reach = (path: string): Value => {
    const [, first = '', rest = ''] = /^([^.[]*)([\s\S]*)$/.exec(path) ?? [];
    const name = first === '' ? String(counted++) : first;
    const number = /^\d+$/.test(name) ? Number(name) : null;
    const found = number === null ? args.named.get(name) : args.positional[number];
    if (found === undefined) throw new TemplateError(`a format finds no "${name}"`);
    let value = found;
    for (const [, attribute, key] of rest.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g)) {
      value =
        attribute === undefined
          ? lookup.item(value, /^\d+$/.test(key ?? '') ? Number(key) : (key ?? ''))
          : lookup.attribute(value, attribute);
    }
    return value;
  };
  return write(pattern, 0);
}

function closing(text: string, begin: number): number {
  let depth = 0;
  for (let at = begin; at < text.length; at++) {
    if (text[at] === '{') depth++;
    if (text[at] === '}' && --depth === 0) return at;
  }
  throw new TemplateError('a format has a "{" without "}"');
}

function converted(value: Value, conversion: string | undefined, { spend }: Budget): Value {
  if (conversion === undefined) return value;
  if (conversion === 's') return textOf(value, spend);
  return conversion === 'r' ? reprOf(value, spend) : escaped(reprOf(value, spend));
}

const specification =
  /^(?:([\s\S])?([<>=^]))?([-+ ])?(#)?(0)?(\d{1,9})?([,_])?(?:\.(\d{1,9}))?([a-zA-Z%])?$/u;

/** Python's `format(value, spec)`. */
function specified(value: Value, spec: string, budget: Budget): string {
  if (spec === '') return textOf(value, budget.spend);
  const found = specification.exec(spec);
  if (!found) throw new TemplateError(`a format has the specification "${spec}"`);
  const [, fill, align, sign = '-', mark, zero, width = '0', group, places, type] = found;
  const least = Number(width);
  const precision = places === undefined ? null : Number(places);
  budget.text(least);
  checkPlaces(precision);
  if (typeof value === 'string') {
    if ((type ?? 's') !== 's' || group !== undefined || mark !== undefined || sign !== '-' || align === '=') {
      throw new TemplateError(`a text has no format "${spec}"`);
    }
    const text = precision === null ? value : charactersOf(value).slice(0, precision).join('');
    return aligned(text, least, align ?? '<', fill ?? (zero === undefined ? ' ' : '0'));
  }
  const number = numberOf(value);
  if (number === null) {
    if (value instanceof Undefined) value.refuse();
    throw new TemplateError(`${typeName(value)} has no format "${spec}"`);
  }
  if (group !== undefined && zero !== undefined) throw new TemplateError(`a number has no format "${spec}"`);
  const body = grouped(numberText(value, number, type, precision, mark !== undefined), group);
  const plus = number < 0 || Object.is(number, -0) ? '' : sign === '-' ? '' : sign;
  return aligned(
    plus + body,
    least,
    align ?? (zero === undefined ? '>' : '='),
    fill ?? (zero === undefined ? ' ' : '0'),
  );
}

const bases: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16, d: 10, n: 10 };

function numberText(
  value: Value,
  number: number,
  type: string | undefined,
  precision: number | null,
  isMarked: boolean,
): string {
  const isFloat = value instanceof Float;
  const base = type === undefined ? (isFloat ? undefined : 10) : isFloat ? undefined : bases[type];
  if (base !== undefined) {
    if (precision !== null) throw new TemplateError('a whole number has no digits behind the point');
    return wholeDigits(number, { base, kind: type ?? 'd', digits: 0, isMarked });
  }
  switch (type) {
    case undefined:
      return precision === null ? shortest(number) : withPoint(floatText(value, 'g', precision, isMarked));
    case '%':
      return `${floatText(new Float(number * 100), 'f', precision ?? 6, isMarked)}%`;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      return floatText(value, type, precision ?? 6, isMarked);
    default:
      throw new TemplateError(`${typeName(value)} has no format "${type}"`);
  }
}

const withPoint = (text: string) => (/[.en]/.test(text) ? text : `${text}.0`);

function grouped(text: string, separator: string | undefined): string {
  if (separator === undefined) return text;
  return text.replace(/^(-?)(\d+)/, (_, sign: string, digits: string) => {
    return sign + digits.replace(/\B(?=(?:\d{3})+$)/g, separator);
  });
}

function aligned(text: string, width: number, align: string, fill: string): string {
  const gap = Math.max(0, width - charactersOf(text).length);
  switch (align) {
    case '<':
      return text + fill.repeat(gap);
    case '^':
      return fill.repeat(Math.floor(gap / 2)) + text + fill.repeat(Math.ceil(gap / 2));
    case '=': {
      const sign = /^[-+ ]?(?:0[box](?=[\da-f]))?/i.exec(text)?.[0] ?? '';
      return sign + fill.repeat(gap) + text.slice(sign.length);
    }
    default:
      return fill.repeat(gap) + text;
  }
}
