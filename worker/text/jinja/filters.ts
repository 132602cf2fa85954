/** Jinja's own filters, with transformers' `tojson`. Those for HTML pages, files and chance are left out. */
import { Given } from './arguments.ts';
import { attributeOf } from './attributes.ts';
import { iterate, type Filter, type Surroundings } from './filter.ts';
import { formatted } from './format.ts';
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
  isTrue,
  itemsOf,
  numberOf,
  orElse,
  textOf,
  Tuple,
  typeName,
  Undefined,
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
  const lines = text(value, around).split('\n');
  around.budget.text(spaces * lines.length);
  const margin = typeof width === 'string' ? width : ' '.repeat(spaces);
  const [blank, first] = [given.flag('blank', false), given.flag('first', false)];
  return lines.map((line, i) => ((i === 0 ? first : blank || line !== '') ? margin + line : line)).join('\n');
};

const length: Filter = (value, args) => {
  new Given('length', args, []);
  if (typeof value === 'string') return charactersOf(value).length;
  if (value instanceof Undefined) return 0;
  const size = value instanceof Dict ? value.size : itemsOf(value)?.length;
  if (size === undefined) throw new TemplateError(`${typeName(value)} has no length`);
  return size;
};

const byDefault: Filter = (value, args) => {
  const given = new Given('default', args, ['default_value', 'boolean']);
  const missing = value instanceof Undefined || (given.flag('boolean', false) && !isTrue(value));
  return missing ? given.or('default_value', '') : value;
};

const truncate: Filter = (value, args, around) => {
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

const reverse: Filter = (value, _, around) =>
  typeof value === 'string'
    ? [...charactersOf(value)].reverse().join('')
    : [...iterate(value, around.budget)].reverse();

const ends =
  (at: 0 | -1): Filter =>
  (value, _, around) =>
    orElse(iterate(value, around.budget).at(at), new Undefined('the end of an empty list'));

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
  return orElse(attributeOf(value, name, budget), new Undefined(name));
};

const items: Filter = (value) => {
  if (value instanceof Undefined) return [];
  if (!(value instanceof Dict)) throw new TemplateError(`${typeName(value)} is no dict`);
  return value.entries().map((entry) => new Tuple(entry));
};

export const filters: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  [
    'abs',
    (value) =>
      value instanceof Float ? new Float(Math.abs(value.number)) : Math.abs(numberOf(value) ?? NaN),
  ],
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
  ['first', ends(0)],
  ['float', toFloat],
  ['format', format],
  ['groupby', groupby],
  ['indent', indent],
  ['int', toWhole],
  ['items', items],
  ['join', join],
  ['last', ends(-1)],
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
      return replace(text(value, around), given.text('old'), given.text('new'), count, around.budget);
    },
  ],
  ['reverse', reverse],
  ['round', round],
  ['safe', (value, _, around) => text(value, around)],
  ['select', selecting(false, true)],
  ['selectattr', selecting(true, true)],
  ['slice', slices],
  ['sort', sort],
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
  [
    'urlencode',
    onText((whole) =>
      encodeURIComponent(whole)
        .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
        .replaceAll('%2F', '/'),
    ),
  ],
  ['wordcount', onText((whole) => (whole.match(/[\p{L}\p{N}_]+/gu) ?? []).length)],
]);
