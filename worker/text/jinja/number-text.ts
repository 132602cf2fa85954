/** Numbers and texts as both of Python's formats write them. */
import { exponential, fixed, general } from './decimals.ts';
import { TemplateError } from './lexer.ts';
import { numberOf, typeName, Undefined, type Value } from './values.ts';

/** Digits behind the point. */
const MOST_PLACES = 1000;

export function checkPlaces(places: number | null): void {
  if ((places ?? 0) > MOST_PLACES)
    throw new TemplateError(`a format asks for more than ${MOST_PLACES} digits`);
}

/** Everything beyond ASCII as Python's `ascii` writes it. */
export const escaped = (text: string) =>
  text.replace(/[^\0-\x7f]/gu, (char) => {
    const hex = (char.codePointAt(0) ?? 0).toString(16);
    if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`;
    return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  });

export function numberFor(kind: string, value: Value): number {
  if (value instanceof Undefined) value.refuse();
  const number = numberOf(value);
  if (number === null) throw new TemplateError(`%${kind} needs a number, not ${typeName(value)}`);
  return number;
}

/** A whole number of a base; marked, with the `0x` of its kind before it. */
export function wholeDigits(
  number: number,
  { base, kind, digits, isMarked }: { base: number; kind: string; digits: number; isMarked: boolean },
): string {
  const written = BigInt(Math.abs(number)).toString(base).padStart(digits, '0');
  const mark = isMarked && base !== 10 ? `0${kind}` : '';
  return (number < 0 ? '-' : '') + mark + (kind === 'X' ? written.toUpperCase() : written);
}

/** A number as `f`, `e`, `g` or their capitals write it. */
export function floatText(value: Value, kind: string, places: number, isMarked: boolean): string {
  const number = numberFor(kind, value);
  const lower = kind.toLowerCase();
  const written = !Number.isFinite(number)
    ? String(number).replace('Infinity', 'inf').replace('NaN', 'nan')
    : lower === 'f'
      ? fixed(number, places)
      : lower === 'e'
        ? exponential(number, places)
        : general(number, places, isMarked);
  return kind === lower ? written : written.toUpperCase();
}
