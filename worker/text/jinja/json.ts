import type { Budget } from './budget.ts';
import { TemplateError } from './lexer.ts';
import {
  compare,
  Dict,
  Float,
  floatText,
  itemsOf,
  numberOf,
  textOf,
  typeName,
  type Value,
} from './values.ts';

interface JsonOptions {
  readonly ensureAscii: boolean;
  /** A number of spaces, a text, or None for one line. */
  readonly indent: Value;
  /** Between items, and between a key and its value; null for Python's own. */
  readonly separators: readonly Value[] | null;
  readonly sortKeys: boolean;
}

/** Python's `json.dumps`. */
export function toJson(
  value: Value,
  { ensureAscii, indent, separators, sortKeys }: JsonOptions,
  budget: Budget,
): string {
  const width = indent === null ? null : numberOf(indent);
  if (indent !== null && typeof indent !== 'string' && (width === null || indent instanceof Float)) {
    throw new TemplateError(`tojson indents by a number or a text, not by ${typeName(indent)}`);
  }
  if (width !== null) budget.text(width);
  const margin =
    indent === null ? null : typeof indent === 'string' ? indent : ' '.repeat(Math.max(0, width ?? 0));
  const [between, colon] = separators
    ? separators.map((separator) => textOf(separator, budget.spend))
    : [margin === null ? ', ' : ',', ': '];

  const string = (text: string) => {
    const quoted = JSON.stringify(text);
    return ensureAscii
      ? quoted.replace(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      : quoted;
  };
  const number = (float: Float) => {
    if (Number.isFinite(float.number)) return floatText(float.number);
    return Number.isNaN(float.number) ? 'NaN' : float.number > 0 ? 'Infinity' : '-Infinity';
  };
  const keyText = (key: Value) => {
    if (typeof key === 'string') return key;
    if (key === null) return 'null';
    if (typeof key === 'boolean') return String(key);
    if (typeof key === 'number' || key instanceof Float) return textOf(key, budget.spend);
    throw new TemplateError(`${typeName(key)} cannot be a key in JSON`);
  };
  const wrapped = (brackets: '[]' | '{}', parts: readonly string[], depth: number) => {
    const [begin = '', end = ''] = brackets;
    if (parts.length === 0) return brackets;
    const line = margin === null ? '' : `\n${margin.repeat(depth + 1)}`;
    const last = margin === null ? '' : `\n${margin.repeat(depth)}`;
    budget.text(parts.reduce((sum, part) => sum + part.length + line.length + 2, 0));
    return begin + line + parts.join((between ?? '') + line) + last + end;
  };
  const write = (item: Value, depth: number): string =>
    budget.deeper(() => {
      if (typeof item === 'string') {
        budget.text(item.length);
        return string(item);
      }
      if (item === null) return 'null';
      if (typeof item === 'boolean' || typeof item === 'number') return String(item);
      if (item instanceof Float) return number(item);
      if (item instanceof Dict) {
        const entries = [...item.entries()];
        if (sortKeys) entries.sort(([a], [b]) => compare(a, b, budget.spend));
        const parts = entries.map(
          ([key, inner]) => string(keyText(key)) + (colon ?? '') + write(inner, depth + 1),
        );
        return wrapped('{}', parts, depth);
      }
      const items = itemsOf(item);
      if (!items) throw new TemplateError(`${typeName(item)} cannot be written as JSON`);
      return wrapped(
        '[]',
        items.map((inner) => write(inner, depth + 1)),
        depth,
      );
    });
  return write(value, 0);
}
