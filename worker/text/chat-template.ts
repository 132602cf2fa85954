/** A checkpoint's own chat template, rendered as transformers renders it. */
import { brief } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';
import type { ChatMessage } from '../protocol/generate.ts';
import { Given } from './jinja/arguments.ts';
import { Budget } from './jinja/budget.ts';
import { Interpreter } from './jinja/interpreter.ts';
import { TemplateError } from './jinja/lexer.ts';
import { parseTemplate } from './jinja/parser.ts';
import { strftime } from './jinja/strftime.ts';
import { iterate } from './jinja/filter.ts';
import {
  Callable,
  Dict,
  itemsOf,
  Namespace,
  Range,
  textOf,
  typeName,
  type CallArguments,
  type Value,
} from './jinja/values.ts';

/** Real ones have up to 20 000 characters. */
const LONGEST_TEMPLATE = 500_000;
/** Characters of a template's own in every conversation, and around every message. */
const LONGEST_INSTRUCTIONS = 30_000;
const LONGEST_MARKS = 1000;
/** The longest `range` that jinja2's sandbox allows. */
const LONGEST_RANGE = 100_000;

/**
 * The text of a conversation, up to where the model continues.
 *
 * @param template Jinja, as a checkpoint brings it: hostile
 * @param tokens   special tokens by the names that templates know, such as `bos_token`
 * @param now      what `strftime_now` takes for the time
 * @throws Refused with `bad-template` if the template is wrong, too costly, or refuses this conversation
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  tokens: Readonly<Record<string, string>>,
  now: () => Date = () => new Date(),
): string {
  if (template.length > LONGEST_TEMPLATE) {
    throw badTemplate(`it has ${template.length} characters, more than ${LONGEST_TEMPLATE}`);
  }
  try {
    const budget = new Budget();
    const text = new Interpreter(budget).render(
      // As transformers sets up jinja2.
      parseTemplate(template, { trimsBlocks: true, keepsLastNewline: false }),
      globals(messages, tokens, now, budget),
    );
    const most = mostCharacters(messages);
    if (text.length <= most) return text;
    throw badTemplate(`it makes ${text.length} characters of this conversation, more than ${most}`);
  } catch (error) {
    if (error instanceof TemplateError) throw badTemplate(error.message);
    // A value that holds itself, printed.
    if (error instanceof RangeError) throw badTemplate('it is nested too deep');
    throw error;
  }
}

/** Templates write instructions of their own, and marks around each message. Few write a message twice. */
function mostCharacters(messages: readonly ChatMessage[]): number {
  const said = messages.reduce((sum, { content }) => sum + content.length, 0);
  return LONGEST_INSTRUCTIONS + LONGEST_MARKS * messages.length + 4 * said;
}

/** What templates find in transformers, and no more. */
function globals(
  messages: readonly ChatMessage[],
  tokens: Readonly<Record<string, string>>,
  now: () => Date,
  budget: Budget,
): readonly (readonly [string, Value])[] {
  const callable = (name: string, call: (args: CallArguments) => Value) =>
    [name, new Callable(name, call)] as const;
  return [
    ['messages', messages.map(({ role, content }) => new Dict([...Object.entries({ role, content })]))],
    ['tools', null],
    ['documents', null],
    ['add_generation_prompt', true],
    ...Object.entries(tokens),
    callable('range', (args) => range(args, budget)),
    callable('dict', (args) => new Dict(pairsOf('dict', args, budget))),
    callable('namespace', (args) => {
      const space = new Namespace();
      for (const [name, value] of pairsOf('namespace', args, budget))
        space.fields.set(textOf(name, budget.spend), value);
      return space;
    }),
    callable('joiner', (args) => {
      const separator = new Given('joiner', args, ['sep']).or('sep', ', ');
      let used = false;
      return new Callable('joiner', () => {
        const value = used ? separator : '';
        used = true;
        return value;
      });
    }),
    callable('cycler', ({ positional }) => {
      let at = 0;
      const next = new Callable('next', () => positional[at++ % positional.length] ?? null);
      return new Callable('cycler', () => null, new Map([['next', next]]));
    }),
    callable('raise_exception', (args) => {
      const reason = textOf(new Given('raise_exception', args, ['message']).value('message'), budget.spend);
      throw new TemplateError(`it refuses this conversation: ${reason.slice(0, 200)}`);
    }),
    callable('strftime_now', (args) => {
      const format = new Given('strftime_now', args, ['format']).text('format');
      budget.text(format.length * 20);
      return strftime(format, now());
    }),
  ];
}

function range(args: CallArguments, budget: Budget): Range {
  const given = new Given('range', args, ['start', 'stop', 'step']);
  const [start, stop] = given.has('stop')
    ? [given.whole('start'), given.whole('stop')]
    : [0, given.whole('start')];
  const step = given.whole('step', 1);
  if (step === 0) throw new TemplateError('range cannot step by 0');
  const made = new Range(start, stop, step);
  if (made.length > LONGEST_RANGE) throw new TemplateError(`a range of more than ${LONGEST_RANGE} numbers`);
  budget.items(made.length);
  return made;
}

/** What a dict is made of: another one or a list of pairs, and names. */
function pairsOf(of: string, { positional, named }: CallArguments, budget: Budget) {
  const [first, second] = positional;
  if (second !== undefined) throw new TemplateError(`${of} takes 1 argument`);
  if (first === undefined) return [...named];
  if (first instanceof Dict) return [...first.entries(), ...named];
  const pairs = iterate(first, budget).map((pair) => {
    const [key, value, third] = itemsOf(pair) ?? [];
    if (key !== undefined && value !== undefined && third === undefined) return [key, value] as const;
    throw new TemplateError(`${of} needs pairs, not ${typeName(pair)}`);
  });
  return [...pairs, ...named];
}

const badTemplate = (reason: string) => new Refused({ code: 'bad-template', reason: brief(reason) });
