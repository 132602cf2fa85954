/** The methods of Python's `str` that templates use. */
import { Given } from './arguments.ts';
import type { Budget } from './budget.ts';
import { iterate } from './filter.ts';
import { TemplateError } from './lexer.ts';
import { endOf, lastSpace, SPACE, startOf } from './space.ts';
import { Tuple, typeName, type CallArguments, type Value } from './values.ts';

export const charactersOf = (text: string): readonly string[] => Array.from(text);

const isSpace = new RegExp(`^[${SPACE}]+$`);
const spaces = new RegExp(`[${SPACE}]+`);

/** `strip`, `lstrip` and `rstrip`; `characters` is null for white space. */
export function strip(text: string, characters: string | null, sides: 'both' | 'left' | 'right'): string {
  if (characters === null) {
    const begun = sides === 'right' ? text : text.slice(startOf(text));
    return sides === 'left' ? begun : begun.slice(0, endOf(begun));
  }
  const set = new Set(characters);
  const all = charactersOf(text);
  let [begin, end] = [0, all.length];
  if (sides !== 'right') while (begin < end && set.has(all[begin] ?? '')) begin++;
  if (sides !== 'left') while (end > begin && set.has(all[end - 1] ?? '')) end--;
  return all.slice(begin, end).join('');
}

export const capitalize = (text: string) => {
  const [first = '', ...rest] = charactersOf(text);
  return first.toUpperCase() + rest.join('').toLowerCase();
};

const title = (text: string) =>
  text.replace(/\p{L}+/gu, (word) => {
    const [first = '', ...rest] = charactersOf(word);
    return first.toUpperCase() + rest.join('').toLowerCase();
  });

/** `text.replace(old, fresh, count)`; a count below 0 means all. */
export function replace(text: string, old: string, fresh: string, count: number, budget: Budget): string {
  const most = count < 0 ? Infinity : count;
  const parts = old === '' ? charactersOf(text).length + 1 : text.split(old).length - 1;
  budget.text(text.length + Math.min(parts, most) * fresh.length);
  if (old === '') {
    const all = charactersOf(text);
    const written = all.map((char, i) => (i < most ? fresh + char : char)).join('');
    return all.length < most ? written + fresh : written;
  }
  const pieces = text.split(old);
  const kept = pieces.slice(0, Math.min(parts, most) + 1);
  const rest = pieces.slice(kept.length);
  return [kept.join(fresh), ...rest].join(old);
}

function split(text: string, separator: string | null, most: number, fromRight: boolean): readonly string[] {
  const limit = most < 0 ? Infinity : most;
  if (separator === '') throw new TemplateError('a text cannot be split at an empty one');
  if (separator === null && limit !== Infinity) {
    const words: string[] = [];
    let rest = strip(text, null, fromRight ? 'right' : 'left');
    while (rest !== '' && words.length < limit) {
      const at = fromRight ? lastSpace(rest) : rest.search(spaces);
      if (at < 0) break;
      words.push(fromRight ? rest.slice(at + 1) : rest.slice(0, at));
      rest = fromRight ? strip(rest.slice(0, at), null, 'right') : strip(rest.slice(at), null, 'left');
    }
    if (rest !== '') words.push(rest);
    return fromRight ? words.reverse() : words;
  }
  const parts = separator === null ? strip(text, null, 'both').split(spaces) : text.split(separator);
  if (separator === null) return parts.filter((part) => part !== '');
  if (parts.length - 1 <= limit) return parts;
  return fromRight
    ? [parts.slice(0, parts.length - limit).join(separator), ...parts.slice(parts.length - limit)]
    : [...parts.slice(0, limit), parts.slice(limit).join(separator)];
}

const cased = /\p{Lu}|\p{Ll}|\p{Lt}/u;

// Python ends a line at more characters than JavaScript's `$`.
const breaks = '\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029';
const wholeLines = new RegExp(`[^${breaks}]*(?:\\r\\n|[${breaks}]|$)`, 'g');
const lineEnd = new RegExp(`(?:\\r\\n|[${breaks}])$`);

type Method = (text: string, args: CallArguments, budget: Budget) => Value;

const plain =
  (work: (text: string) => Value): Method =>
  (text, args) => {
    new Given('this method', args, []);
    return work(text);
  };

const stripping =
  (sides: 'both' | 'left' | 'right'): Method =>
  (text, args) => {
    const characters = new Given('strip', args, ['chars']).or('chars', null);
    if (characters !== null && typeof characters !== 'string')
      throw new TemplateError(`strip takes a text, not ${typeName(characters)}`);
    return strip(text, characters, sides);
  };

const splitting =
  (fromRight: boolean): Method =>
  (text, args, budget) => {
    const given = new Given('split', args, ['sep', 'maxsplit']);
    const separator = given.or('sep', null) === null ? null : given.text('sep');
    const parts = split(text, separator, given.whole('maxsplit', -1), fromRight);
    budget.items(parts.length);
    return parts;
  };

const edged =
  (name: 'startsWith' | 'endsWith'): Method =>
  (text, args) => {
    const given = new Given(name.toLowerCase(), args, ['prefix', 'start', 'end']);
    const all = charactersOf(text);
    const part =
      given.has('start') || given.has('end')
        ? all.slice(given.whole('start', 0), given.whole('end', all.length)).join('')
        : text;
    const wanted = given.value('prefix');
    const options = wanted instanceof Tuple ? wanted.items : [wanted];
    return options.some((option) => {
      if (typeof option !== 'string')
        throw new TemplateError(`${name.toLowerCase()} takes a text, not ${typeName(option)}`);
      return part[name](option);
    });
  };

const finding =
  (name: string, fromRight: boolean): Method =>
  (text, args) => {
    const given = new Given(name, args, ['sub', 'start', 'end']);
    const all = charactersOf(text);
    const clamp = (index: number) =>
      Math.min(all.length, Math.max(0, index < 0 ? index + all.length : index));
    const [begin, end] = [clamp(given.whole('start', 0)), clamp(given.whole('end', all.length))];
    const part = all.slice(begin, end).join('');
    const unit = fromRight ? part.lastIndexOf(given.text('sub')) : part.indexOf(given.text('sub'));
    if (unit >= 0) return begin + charactersOf(part.slice(0, unit)).length;
    if (name.endsWith('index')) throw new TemplateError('a text was not found in another');
    return -1;
  };

const padding =
  (left: (gap: number) => number): Method =>
  (text, args, budget) => {
    const given = new Given('this method', args, ['width', 'fillchar']);
    const gap = Math.max(0, given.whole('width') - charactersOf(text).length);
    budget.text(text.length + gap);
    const before = left(gap);
    const fill = given.text('fillchar', ' ');
    return fill.repeat(before) + text + fill.repeat(gap - before);
  };

const partitioning =
  (fromRight: boolean): Method =>
  (text, args) => {
    const separator = new Given('partition', args, ['sep']).text('sep');
    const at = fromRight ? text.lastIndexOf(separator) : text.indexOf(separator);
    if (at < 0) return new Tuple(fromRight ? ['', '', text] : [text, '', '']);
    return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
  };

const all = (pattern: RegExp) => plain((text) => text !== '' && pattern.test(text));

export const textMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['upper', plain((text) => text.toUpperCase())],
  ['lower', plain((text) => text.toLowerCase())],
  ['casefold', plain((text) => text.toLowerCase().replaceAll('ß', 'ss'))],
  ['capitalize', plain(capitalize)],
  ['title', plain(title)],
  [
    'swapcase',
    plain((text) =>
      charactersOf(text)
        .map((char) => (char === char.toUpperCase() ? char.toLowerCase() : char.toUpperCase()))
        .join(''),
    ),
  ],
  ['strip', stripping('both')],
  ['lstrip', stripping('left')],
  ['rstrip', stripping('right')],
  ['split', splitting(false)],
  ['rsplit', splitting(true)],
  [
    'splitlines',
    (text, args, budget) => {
      const keep = new Given('splitlines', args, ['keepends']).flag('keepends', false);
      const lines = text.match(wholeLines) ?? [];
      budget.items(lines.length);
      const whole = lines.at(-1) === '' ? lines.slice(0, -1) : lines;
      return keep ? whole : whole.map((line) => line.replace(lineEnd, ''));
    },
  ],
  ['startswith', edged('startsWith')],
  ['endswith', edged('endsWith')],
  ['find', finding('find', false)],
  ['rfind', finding('rfind', true)],
  ['index', finding('index', false)],
  ['rindex', finding('rindex', true)],
  [
    'count',
    (text, args) => {
      const given = new Given('count', args, ['sub', 'start', 'end']);
      const wanted = given.text('sub');
      if (given.has('start')) {
        const all = charactersOf(text);
        const part = all.slice(given.whole('start'), given.whole('end', all.length)).join('');
        return wanted === '' ? charactersOf(part).length + 1 : part.split(wanted).length - 1;
      }
      return wanted === '' ? charactersOf(text).length + 1 : text.split(wanted).length - 1;
    },
  ],
  [
    'replace',
    (text, args, budget) => {
      const given = new Given('replace', args, ['old', 'new', 'count']);
      return replace(text, given.text('old'), given.text('new'), given.whole('count', -1), budget);
    },
  ],
  [
    'join',
    (text, args, budget) => {
      const items = iterate(new Given('join', args, ['iterable']).value('iterable'), budget);
      const texts = items.map((item) => {
        if (typeof item === 'string') return item;
        throw new TemplateError(`join takes texts, not ${typeName(item)}`);
      });
      budget.text(texts.reduce((sum, item) => sum + item.length + text.length, 0));
      return texts.join(text);
    },
  ],
  ['partition', partitioning(false)],
  ['rpartition', partitioning(true)],
  [
    'removeprefix',
    (text, args) => {
      const prefix = new Given('removeprefix', args, ['prefix']).text('prefix');
      return text.startsWith(prefix) ? text.slice(prefix.length) : text;
    },
  ],
  [
    'removesuffix',
    (text, args) => {
      const suffix = new Given('removesuffix', args, ['suffix']).text('suffix');
      return suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
    },
  ],
  ['center', padding((gap) => Math.floor(gap / 2))],
  ['ljust', padding(() => 0)],
  ['rjust', padding((gap) => gap)],
  [
    'zfill',
    (text, args, budget) => {
      const width = new Given('zfill', args, ['width']).whole('width');
      budget.text(width);
      const sign = /^[+-]/.exec(text)?.[0] ?? '';
      const gap = Math.max(0, width - charactersOf(text).length);
      return sign + '0'.repeat(gap) + text.slice(sign.length);
    },
  ],
  [
    'expandtabs',
    (text, args, budget) => {
      const size = new Given('expandtabs', args, ['tabsize']).whole('tabsize', 8);
      budget.text(text.length + (text.split('\t').length - 1) * Math.max(0, size));
      let column = 0;
      return charactersOf(text)
        .map((char) => {
          const written = char !== '\t' ? char : size < 1 ? '' : ' '.repeat(size - (column % size));
          column = char === '\n' || char === '\r' ? 0 : column + written.length;
          return written;
        })
        .join('');
    },
  ],
  ['isascii', plain((text) => /^[\0-\x7f]*$/.test(text))],
  ['isidentifier', all(/^[\p{XID_Start}_]\p{XID_Continue}*$/u)],
  ['isprintable', plain((text) => !/(?! )[\p{C}\p{Z}]/u.test(text))],
  ['istitle', plain((text) => cased.test(text) && text === title(text))],
  ['isdigit', all(/^[\p{Nd}²³¹⁰-⁹₀-₉]+$/u)],
  ['isdecimal', all(/^\p{Nd}+$/u)],
  ['isnumeric', all(/^\p{N}+$/u)],
  ['isalpha', all(/^\p{L}+$/u)],
  ['isalnum', all(/^[\p{L}\p{N}]+$/u)],
  ['isspace', all(isSpace)],
  ['isupper', plain((text) => cased.test(text) && text === text.toUpperCase())],
  ['islower', plain((text) => cased.test(text) && text === text.toLowerCase())],
]);
