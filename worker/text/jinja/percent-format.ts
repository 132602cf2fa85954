/** Python's `pattern % values`. Its other format is in brace-format.ts. */
import type { Budget } from './budget.ts';
import { checkPlaces, escaped, floatText, numberFor, wholeDigits } from './number-text.ts';
import { TemplateError } from './lexer.ts';
import { charactersOf } from './text-methods.ts';
import {
  Dict,
  Float,
  isList,
  numberOf,
  reprOf,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

const conversion = /^(?:\(([^()]{0,200})\))?([-+ 0#]{0,20})(\*|\d{0,9})(?:\.(\*|\d{0,9}))?[hlL]?([\s\S]?)/;

/** `pattern % values`. */
export function formatted(pattern: string, values: Value, budget: Budget): string {
  const items = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const next = (): Value => {
    const item = items[used++];
    if (item === undefined) throw new TemplateError('a format has more places than values');
    return item;
  };
  const count = (given: string | undefined): number | null => {
    if (given === undefined) return null;
    const number = given === '*' ? next() : Number(given);
    if (typeof number === 'number') return number;
    throw new TemplateError(`* in a format needs a whole number, not ${typeName(number)}`);
  };
  const parts: string[] = [];
  let at = 0;
  for (let sign = pattern.indexOf('%'); sign >= 0; sign = pattern.indexOf('%', at)) {
    parts.push(pattern.slice(at, sign));
    const found = conversion.exec(pattern.slice(sign + 1, sign + 300));
    const [whole = '', key, flags = '', givenWidth, givenPlaces, kind = ''] = found ?? [];
    at = sign + 1 + whole.length;
    if (kind === '%') {
      parts.push('%');
      continue;
    }
    if (!/^[sradiufFeEgGxXoc]$/.test(kind)) throw new TemplateError(`a format has no conversion "${kind}"`);
    const width = count(givenWidth) ?? 0;
    const places = count(givenPlaces);
    checkPlaces(places);
    const value = key === undefined ? next() : ofKey(values, key);
    budget.text(Math.abs(width));
    const body = converted(value, kind, flags, places, budget);
    const left = width < 0 || flags.includes('-');
    parts.push(padded(body, Math.abs(width), left ? 'left' : isZeroed(flags, kind) ? 'zeros' : 'right'));
  }
  parts.push(pattern.slice(at));
  const isTakenWhole = values instanceof Dict || values instanceof Undefined || isList(values);
  if (used < items.length && !isTakenWhole) throw new TemplateError('a format has fewer places than values');
  const written = parts.join('');
  budget.text(written.length);
  return written;
}

const isZeroed = (flags: string, kind: string) => flags.includes('0') && !'srac'.includes(kind);

function ofKey(values: Value, key: string): Value {
  if (!(values instanceof Dict)) throw new TemplateError('a format with names needs a dict');
  const value = values.get(key);
  if (value === undefined) throw new TemplateError(`a format finds no "${key}"`);
  return value;
}

function padded(text: string, width: number, how: 'left' | 'right' | 'zeros'): string {
  const gap = Math.max(0, width - charactersOf(text).length);
  if (how === 'left') return text + ' '.repeat(gap);
  if (how === 'right') return ' '.repeat(gap) + text;
  const sign = /^[-+ ]?(?:0[xXo])?/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(gap) + text.slice(sign.length);
}

function converted(value: Value, kind: string, flags: string, places: number | null, budget: Budget): string {
  switch (kind) {
    case 's':
    case 'r':
    case 'a': {
      const text = kind === 's' ? textOf(value, budget.spend) : reprOf(value, budget.spend);
      const shown = kind === 'a' ? escaped(text) : text;
      return places === null ? shown : charactersOf(shown).slice(0, places).join('');
    }
    case 'c':
      return character(value);
    default: {
      const text = 'fFeEgG'.includes(kind)
        ? floatText(value, kind, places ?? 6, flags.includes('#'))
        : wholeText(value, kind, places ?? 0, flags.includes('#'));
      const plus = flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
      return text.startsWith('-') ? text : plus + text;
    }
  }
}

function character(value: Value): string {
  if (typeof value === 'string' && charactersOf(value).length === 1) return value;
  const code = value instanceof Float ? null : numberOf(value);
  if (code !== null && code >= 0 && code <= 0x10ffff) return String.fromCodePoint(code);
  throw new TemplateError(`%c needs a character, not ${typeName(value)}`);
}

function wholeText(value: Value, kind: string, digits: number, isMarked: boolean): string {
  const number = numberFor(kind, value);
  const base = kind === 'o' ? 8 : kind === 'x' || kind === 'X' ? 16 : 10;
  if (!Number.isFinite(number) || (base !== 10 && value instanceof Float)) {
    throw new TemplateError(`%${kind} needs a whole number`);
  }
  const truncated = Math.trunc(number);
  return wholeDigits(truncated, { base, kind, digits, isMarked });
}
