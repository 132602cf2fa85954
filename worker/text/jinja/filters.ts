/** Jinja's own filters, with transformers' `tojson`. Those for HTML pages, files and chance are left out. */
import { Given } from './arguments.ts';
import { attributeOf } from './attributes.ts';
import { fixed } from './decimals.ts';
import { iterate, type Filter, type Surroundings } from './filter.ts';
import { formatted } from './percent-format.ts';
import { toJson } from './json.ts';
import { TemplateError } from './lexer.ts';
import {
  batch,
  dictsort,
  extreme,
  getter,
  groupby,
  map,
  selecting,
  slices,
  sort,
  sum,
  unique,
} from './list-filters.ts';
import { round, toFloat, toWhole } from './number-filters.ts';
import { capitalize, charactersOf, replace, strip } from './text-methods.ts';
import {
  Dict,
  Float,
  Generator,
  isTrue,
  itemsOf,
  numberOf,
  orElse,
  Range,
  textOf,
  Tuple,
  typeName,
  Undefined,
  View,
  type Value,
} from './values.ts';

function text(value: Value, { budget }: Surroundings): string {
  const written = textOf(value, budget.spend);
  budget.text(written.length);
  return written;
}

const join: Filter = (value, args, around) => {
  const given = new Given('join', args, ['d', 'attribute']);
  const attribute = given.or('attribute', null);
  const get = attribute === null ? (item: Value) => item : getter(attribute, around);
  const between = text(given.or('d', ''), around);
  const texts = iterate(value, around.budget).map((item) => text(get(item), around));
  around.budget.text(texts.reduce((sum, part) => sum + part.length + between.length, 0));
  return texts.join(between);
};

const indent: Filter = (value, args, around) => {
  const given = new Given('indent', args, ['width', 'first', 'blank']);
  const width = given.or('width', 4);
  const spaces = typeof width === 'string' ? width.length : Math.max(0, given.whole('width', 4));
  if (typeof value !== 'string') throw new TemplateError(`indent needs a text, not ${typeName(value)}`);
  const lines = value.split('\n');
  around.budget.text(spaces * lines.length);
  const margin = typeof width === 'string' ? width : ' '.repeat(spaces);
  const [blank, first] = [given.flag('blank', false), given.flag('first', false)];
  return lines.map((line, i) => ((i === 0 ? first : blank || line !== '') ? margin + line : line)).join('\n');
};

const length: Filter = (value, args) => {
  new Given('length', args, []);
  if (typeof value === 'string') return charactersOf(value).length;
  if (value instanceof Undefined) return 0;
  if (value instanceof Dict) return value.size;
  if (value instanceof Range) return value.length;
  const size = (value instanceof View ? value.items : itemsOf(value))?.length;
  if (size === undefined) throw new TemplateError(`${typeName(value)} has no length`);
  return size;
};

const byDefault: Filter = (value, args) => {
  const given = new Given('default', args, ['default_value', 'boolean']);
  const missing = value instanceof Undefined || (given.flag('boolean', false) && !isTrue(value));
  return missing ? given.or('default_value', '') : value;
};

const truncate: Filter = (value, args, around) => {
  if (typeof value !== 'string' && !(value instanceof Undefined)) {
    throw new TemplateError(`truncate needs a text, not ${typeName(value)}`);
  }
  const given = new Given('truncate', args, ['length', 'killwords', 'end', 'leeway']);
  const whole = text(value, around);
  const all = charactersOf(whole);
  const most = given.whole('length', 255);
  const end = given.text('end', '...');
  if (all.length <= most + given.whole('leeway', 5)) return whole;
  const cut = all.slice(0, Math.max(0, most - charactersOf(end).length)).join('');
  if (given.flag('killwords', false)) return cut + end;
  const at = cut.lastIndexOf(' ');
  return (at < 0 ? cut : cut.slice(0, at)) + end;
};

const escape: Filter = (value, _, around) =>
  text(value, around)
    .replaceAll('&', '&amp;')
    .replaceAll('>', '&gt;')
    .replaceAll('<', '&lt;')
    .replaceAll("'", '&#39;')
    .replaceAll('"', '&#34;');

const onText =
  (work: (text: string) => Value): Filter =>
  (value, args, around) => {
    new Given('this filter', args, []);
    return work(text(value, around));
  };

const titled = (whole: string) =>
  whole
    .split(/([-\s({[<]+)/)
    .map((word) => capitalize(word))
    .join('');

const reverse: Filter = (value, _, { budget }) => {
  if (typeof value === 'string') return [...charactersOf(value)].reverse().join('');
  const items = [...iterate(value, budget)].reverse();
  return value instanceof Generator ? items : new Generator(items);
};

const first: Filter = (value, _, { budget }) => {
  const found = value instanceof Generator ? value.next() : iterate(value, budget)[0];
  return orElse(found, new Undefined('the first item of an empty list'));
};

const last: Filter = (value, _, { budget }) => {
  if (value instanceof Generator)
    throw new TemplateError('a generator has no last item; "| list" makes it a list');
  return orElse(iterate(value, budget).at(-1), new Undefined('the last item of an empty list'));
};

const format: Filter = (value, { positional, named }, around) => {
  const args = named.size > 0 ? new Dict(named) : new Tuple(positional);
  return formatted(text(value, around), args, around.budget);
};

const tojson: Filter = (value, args, { budget }) => {
  const given = new Given('tojson', args, ['ensure_ascii', 'indent', 'separators', 'sort_keys']);
  return toJson(
    value,
    {
      ensureAscii: given.flag('ensure_ascii', false),
      indent: given.or('indent', null),
      separators: itemsOf(given.or('separators', null)),
      sortKeys: given.flag('sort_keys', false),
    },
    budget,
  );
};

/** An attribute alone: items of a dict are none. */
const attr: Filter = (value, args, { budget }) => {
  const name = new Given('attr', args, ['name']).text('name');
  if (value instanceof Undefined) value.refuse();
  return orElse(attributeOf(value, name, budget), new Undefined(name));
};

const items: Filter = (value) => {
  if (value instanceof Undefined) return new Generator([]);
  if (!(value instanceof Dict)) throw new TemplateError(`${typeName(value)} is no dict`);
  return new Generator(value.entries().map((entry) => new Tuple(entry)));
};

const abs: Filter = (value) => {
  if (value instanceof Float) return new Float(Math.abs(value.number));
  const number = numberOf(value);
  if (number === null) throw new TemplateError(`${typeName(value)} has no sign`);
  return Math.abs(number);
};

const UNITS = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];

const filesizeformat: Filter = (value, args) => {
  const binary = new Given('filesizeformat', args, ['binary']).flag('binary', false);
  const bytes = numberOf(value);
  if (bytes === null) throw new TemplateError(`filesizeformat needs a number, not ${typeName(value)}`);
  const base = binary ? 1024 : 1000;
  if (bytes === 1) return '1 Byte';
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  let power = 1;
  while (power < UNITS.length && bytes >= base ** (power + 1)) power++;
  const unit = UNITS[power - 1] ?? '';
  return `${fixed(bytes / base ** power, 1)} ${binary ? `${unit.toUpperCase()}iB` : `${unit}B`}`;
};

const striptags = (whole: string) =>
  whole
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/<[^>]*>/g, '')
    .split(/\s+/)
    .filter((word) => word !== '')
    .join(' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#39;', "'")
    .replaceAll('&#34;', '"')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');

const quotedForAddress = (whole: string) =>
  encodeURIComponent(whole.replace(/\p{Cs}/gu, '\uFFFD')).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const urlencode: Filter = (value, args, around) => {
  new Given('urlencode', args, []);
  const pairs = value instanceof Dict ? value.entries() : null;
  if (
    !pairs &&
    !(value instanceof Undefined) &&
    typeof value !== 'string' &&
    numberOf(value) === null &&
    value !== null
  ) {
    throw new TemplateError(`urlencode does not know ${typeName(value)}`);
  }
  if (!pairs) return quotedForAddress(text(value, around)).replaceAll('%2F', '/');
  const quoted = (part: Value) => quotedForAddress(text(part, around)).replaceAll('%20', '+');
  return pairs.map(([name, inner]) => `${quoted(name)}=${quoted(inner)}`).join('&');
};

export const filters: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ['abs', abs],
  ['attr', attr],
  ['batch', batch],
  ['capitalize', onText(capitalize)],
  [
    'center',
    (value, args, around) => {
      const whole = text(value, around);
      const gap = Math.max(
        0,
        new Given('center', args, ['width']).whole('width', 80) - charactersOf(whole).length,
      );
      around.budget.text(whole.length + gap);
      // str.center puts the odd space to the left if the width is odd.
      const left =
        Math.floor(gap / 2) + (gap % 2 === 1 && (charactersOf(whole).length + gap) % 2 === 1 ? 1 : 0);
      return ' '.repeat(left) + whole + ' '.repeat(gap - left);
    },
  ],
  ...(['count', 'length'] as const).map((name) => [name, length] as const),
  ...(['d', 'default'] as const).map((name) => [name, byDefault] as const),
  ['dictsort', dictsort],
  ...(['e', 'escape', 'forceescape'] as const).map((name) => [name, escape] as const),
  ['filesizeformat', filesizeformat],
  ['first', first],
  ['float', toFloat],
  ['format', format],
  ['groupby', groupby],
  ['indent', indent],
  ['int', toWhole],
  ['items', items],
  ['join', join],
  ['last', last],
  ['list', (value, _, around) => [...iterate(value, around.budget)]],
  ['lower', onText((whole) => whole.toLowerCase())],
  ['map', map],
  ['max', extreme(-1)],
  ['min', extreme(1)],
  ['reject', selecting(false, false)],
  ['rejectattr', selecting(true, false)],
  [
    'replace',
    (value, args, around) => {
      const given = new Given('replace', args, ['old', 'new', 'count']);
      const count = given.or('count', null) === null ? -1 : given.whole('count');
      const [old, fresh] = [text(given.value('old'), around), text(given.value('new'), around)];
      return replace(text(value, around), old, fresh, count, around.budget);
    },
  ],
  ['reverse', reverse],
  ['round', round],
  ['safe', (value, _, around) => text(value, around)],
  ['select', selecting(false, true)],
  ['selectattr', selecting(true, true)],
  ['slice', slices],
  ['sort', sort],
  ['striptags', onText(striptags)],
  ['string', (value, _, around) => text(value, around)],
  ['sum', sum],
  ['title', onText(titled)],
  ['tojson', tojson],
  [
    'trim',
    (value, args, around) => {
      const characters = new Given('trim', args, ['chars']).or('chars', null);
      return strip(text(value, around), characters === null ? null : text(characters, around), 'both');
    },
  ],
  ['truncate', truncate],
  ['unique', unique],
  ['upper', onText((whole) => whole.toUpperCase())],
  ['urlencode', urlencode],
  ['wordcount', onText((whole) => (whole.match(/[\p{L}\p{N}_]+/gu) ?? []).length)],
]);
