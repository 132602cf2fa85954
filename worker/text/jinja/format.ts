import type { Budget } from './budget.ts';
import { TemplateError } from './lexer.ts';
import { charactersOf } from './text-methods.ts';
import { Dict, numberOf, reprOf, textOf, Tuple, typeName, type Value } from './values.ts';

/** `text % values`, with the conversions that templates use. */
export function formatted(pattern: string, values: Value, budget: Budget): string {
  const items = values instanceof Tuple ? values.items : [values];
  let next = 0;
  const written = pattern.replace(
    /%(?:\((\w{1,100})\))?([-+ 0#]{0,5})(\d{0,4})(?:\.(\d{1,3}))?([sdifFxXoeEgGr%])/g,
    (
      _,
      key: string | undefined,
      flags: string,
      width: string,
      precision: string | undefined,
      kind: string,
    ) => {
      if (kind === '%') return '%';
      const value = key === undefined ? items[next++] : values instanceof Dict ? values.get(key) : undefined;
      if (value === undefined) throw new TemplateError('a format has more places than values');
      const body = converted(value, kind, precision === undefined ? null : Number(precision), budget);
      const signed =
        flags.includes('+') && 'difFeEgG'.includes(kind) && !body.startsWith('-') ? `+${body}` : body;
      const least = Number(width);
      budget.text(signed.length + least);
      if (flags.includes('-')) return signed.padEnd(least);
      return flags.includes('0') ? signed.padStart(least, '0') : signed.padStart(least);
    },
  );
  budget.text(written.length);
  if (!(values instanceof Dict) && next < items.length)
    throw new TemplateError('a format has fewer places than values');
  return written;
}

function converted(value: Value, kind: string, precision: number | null, budget: Budget): string {
  if (kind === 's' || kind === 'r') {
    const written = kind === 'r' ? reprOf(value, budget.spend) : textOf(value, budget.spend);
    return precision === null ? written : charactersOf(written).slice(0, precision).join('');
  }
  const number = numberOf(value);
  if (number === null) throw new TemplateError(`%${kind} needs a number, not ${typeName(value)}`);
  switch (kind) {
    case 'f':
    case 'F':
      return number.toFixed(precision ?? 6);
    case 'e':
    case 'E':
      return number.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2');
    case 'x':
      return Math.trunc(number).toString(16);
    case 'X':
      return Math.trunc(number).toString(16).toUpperCase();
    case 'o':
      return Math.trunc(number).toString(8);
    case 'g':
    case 'G':
      return String(Number(number.toPrecision(precision ?? 6)));
    default:
      return String(Math.trunc(number));
  }
}
