/** Templates of lm-evaluation-harness: jinja2 with StrictUndefined, every newline kept, and one filter more. */
import { Refused } from '../../outcome.ts';
import { Given } from '../../text/jinja/arguments.ts';
import { Budget } from '../../text/jinja/budget.ts';
import type { Filter } from '../../text/jinja/filter.ts';
import { Interpreter } from '../../text/jinja/interpreter.ts';
import { TemplateError } from '../../text/jinja/lexer.ts';
import { parseTemplate } from '../../text/jinja/parser.ts';
import {
  Dict,
  Float,
  isList,
  itemsOf,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from '../../text/jinja/values.ts';

/** A document: one line of a data file, column by column. */
export type Document = Readonly<Record<string, unknown>>;

const whiteSpace = { trimsBlocks: false, keepsLastNewline: true };

/** Python's syntax for regular expressions that JavaScript reads otherwise, or not at all. */
const pythonOnly = /\(\?P|\(\?[aiLmsux]+[):-]|\\[AZ]|\(\?\(|\(\?#/;

/** `re.sub(pattern, repl, string, count)` */
const regexReplace: Filter = (value, args, { budget }) => {
  const given = new Given('regex_replace', args, ['pattern', 'repl', 'count']);
  const [pattern, replacement] = [given.text('pattern'), given.text('repl')];
  const most = given.whole('count', 0);
  if (pythonOnly.test(pattern)) throw new TemplateError(`the pattern ${pattern} is Python's alone`);
  const text = textOf(value, budget.spend);
  let made = 0;
  const written = text.replace(compiled(pattern), (match: string, ...rest: unknown[]) => {
    if (most > 0 && ++made > most) return match;
    return replacement.replace(/\\(?:g<(\d+)>|(\d))/g, (_, long?: string, short?: string) => {
      const group = Number(long ?? short);
      const found = group === 0 ? match : rest[group - 1];
      return typeof found === 'string' ? found : '';
    });
  });
  budget.text(written.length);
  return written;
};

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'gu');
  } catch {
    throw new TemplateError(`the pattern ${pattern} cannot be read`);
  }
}

const options = { strict: true, filters: new Map([['regex_replace', regexReplace]]) };

/**
 * What a template makes of a document.
 *
 * @param field whose template it is, for the failure
 * @throws Refused with `bad-request`
 */
export function applyTemplate(template: string, document: Document, field: string): string {
  return refusing(field, () =>
    new Interpreter(new Budget(), options).render(
      parseTemplate(template, whiteSpace),
      Object.entries(document).map(([name, value]) => [name, fromJson(value)] as const),
    ),
  );
}

/**
 * `ast.literal_eval(text)`: texts, numbers, True, False, None, and lists, tuples and dicts of them, as plain JSON.
 *
 * @throws Refused with `bad-request`
 */
export function literal(text: string, field: string): unknown {
  return refusing(field, () => {
    const body = parseTemplate(`{{ ${text} }}`, whiteSpace);
    return toJson(new Interpreter(new Budget(), options).valueOf(body, []));
  });
}

/** A value of JSON as a template sees it. */
export function fromJson(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? value : new Float(value);
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value === 'object' && value !== null) {
    return new Dict(Object.entries(value).map(([name, inner]) => [name, fromJson(inner)] as const));
  }
  return null;
}

function toJson(value: Value): unknown {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value;
  if (value instanceof Float) return value.number;
  if (isList(value) || value instanceof Tuple) return (itemsOf(value) ?? []).map(toJson);
  if (value instanceof Dict) {
    return Object.fromEntries(value.entries().map(([key, inner]) => [String(toJson(key)), toJson(inner)]));
  }
  if (value instanceof Undefined) value.refuse();
  throw new TemplateError(`${typeName(value)} is not a plain value`);
}

function refusing<T>(field: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TemplateError) {
      throw new Refused({ code: 'bad-request', field, reason: `its template: ${error.message}` });
    }
    throw error;
  }
}
