/** A checkpoint's own chat template. The only file that knows the template library. */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { isObject } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';
import type { ChatMessage } from '../protocol/generate.ts';

// What a template may cost. Real ones have up to 20 000 characters and take a few thousand steps.
const LONGEST_TEMPLATE = 500_000;
const MOST_STEPS = 1_000_000;
const DEEPEST = 400;
const LONGEST_VALUE = 4_000_000;
const MOST_ITEMS = 10_000;
/** What a value costs that is looked at: filters go through all of it. A loop makes scopes for every item. */
const STEPS_A_CHARACTER = 1 / 64;
const STEPS_AN_ITEM = 1 / 4;
const STEPS_A_TURN_OF_A_LOOP = 10;

type Statement = Parameters<Interpreter['evaluate']>[0];

/** An interpreter that gives up on a template that never ends, or whose values grow without end. */
class BoundedInterpreter extends Interpreter {
  #steps = 0;
  #depth = 0;
  /** What loops go over. */
  readonly #iterables = new WeakSet<object>();

  override evaluate(statement: Statement, environment: Environment): ReturnType<Interpreter['evaluate']> {
    if (++this.#depth > DEEPEST) throw badTemplate(`it is nested more than ${DEEPEST} deep`);
    for (const iterable of iterablesOf(statement)) this.#iterables.add(iterable);
    try {
      const result = super.evaluate(statement, environment);
      const stepsAnItem =
        statement && this.#iterables.has(statement) ? STEPS_A_TURN_OF_A_LOOP : STEPS_AN_ITEM;
      this.#steps += 1 + stepsOf(result.value, stepsAnItem);
      if (this.#steps > MOST_STEPS) throw badTemplate(`it takes more than ${MOST_STEPS} steps`);
      return result;
    } finally {
      this.#depth--;
    }
  }
}

/**
 * The text of a conversation, up to where the model goes on.
 *
 * @param template Jinja, as a checkpoint brings it: hostile
 * @param tokens   special tokens by the names that templates know, as `bos_token`
 * @throws Refused with `bad-template` where the template is wrong, too costly, or refuses this conversation
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  tokens: Readonly<Record<string, unknown>>,
): string {
  if (template.length > LONGEST_TEMPLATE) {
    throw badTemplate(`it has ${template.length} characters, more than ${LONGEST_TEMPLATE}`);
  }
  try {
    const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
    const rendered: unknown = new BoundedInterpreter(environmentOf(messages, tokens)).run(program).value;
    if (typeof rendered !== 'string') throw new Error('it gives no text');
    return rendered;
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw badTemplate(error instanceof Error ? error.message : String(error));
  }
}

/** What templates find in transformers, and no more. */
function environmentOf(
  messages: readonly ChatMessage[],
  tokens: Readonly<Record<string, unknown>>,
): Environment {
  const environment = new Environment();
  const values: Readonly<Record<string, unknown>> = {
    ...tokens,
    ...{ true: true, True: true, false: false, False: false, none: null, None: null },
    messages: messages.map(({ role, content }) => ({ role, content })),
    add_generation_prompt: true,
    range,
    raise_exception: (reason: unknown) => {
      throw badTemplate(`it refuses this conversation: ${String(reason).slice(0, 200)}`);
    },
    strftime_now: (format: unknown) => formatDate(new Date(), String(format)),
  };
  for (const [name, value] of Object.entries(values)) environment.set(name, value);
  return environment;
}

/** Python's, of a bounded length. */
function range(first: unknown, second?: unknown, third: unknown = 1): readonly number[] {
  const [start, stop] = second === undefined ? [0, Number(first)] : [Number(first), Number(second)];
  const step = Number(third);
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!Number.isFinite(length) || length > MOST_ITEMS) throw badTemplate('it counts too far');
  return Array.from({ length }, (_, i) => start + i * step);
}

/** The few directives of strftime that templates use; the words are English, as in Python's own locale. */
function formatDate(date: Date, format: string): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const month = (style: 'long' | 'short') => new Intl.DateTimeFormat('en', { month: style }).format(date);
  return format.replace(/%[YmdbBHM%]/g, (directive) => {
    switch (directive) {
      case '%Y':
        return String(date.getFullYear());
      case '%m':
        return two(date.getMonth() + 1);
      case '%d':
        return two(date.getDate());
      case '%b':
        return month('short');
      case '%B':
        return month('long');
      case '%H':
        return two(date.getHours());
      case '%M':
        return two(date.getMinutes());
      default:
        return '%';
    }
  });
}

/** What a loop goes over: the list, and where it is filtered, the list before. */
function iterablesOf(statement: unknown): readonly object[] {
  const inner = (value: unknown, name: string) =>
    isObject(value) && isObject(value[name]) ? value[name] : null;
  if (!isObject(statement) || statement['type'] !== 'For') return [];
  const iterable = inner(statement, 'iterable');
  return [iterable, inner(iterable, 'lhs')].filter((value) => value !== null);
}

/** What it costs to have a value. Refuses what is huge. */
function stepsOf(value: unknown, stepsAnItem: number): number {
  if (typeof value === 'string') {
    if (value.length > LONGEST_VALUE) throw badTemplate(`it writes more than ${LONGEST_VALUE} characters`);
    return value.length * STEPS_A_CHARACTER;
  }
  const items = Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0;
  if (items > MOST_ITEMS) throw badTemplate(`it makes a list of more than ${MOST_ITEMS} items`);
  return items * stepsAnItem;
}

const badTemplate = (reason: string) => new Refused({ code: 'bad-template', reason });
