/** Filters that choose, order and group the items of a list. */
import { Given } from './arguments.ts';
import { iterate, lazily, type Filter, type Surroundings } from './filter.ts';
import { TemplateError } from './lexer.ts';
import { binary } from './operators.ts';
import {
  compare,
  Dict,
  Generator,
  isEqual,
  isTrue,
  itemsOf,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** How `map`, `sort` and others reach an attribute: `a.b.0`, or a number. */
export function getter(
  path: Value,
  around: Surroundings,
  fallback: Value | null = null,
): (value: Value) => Value {
  const parts: readonly Value[] =
    typeof path === 'string'
      ? path.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))
      : [path];
  return (value) =>
    parts.reduce<Value>((object, part) => {
      const found = around.item(object, part);
      return found instanceof Undefined && fallback !== null ? fallback : found;
    }, value);
}

const lowered = (value: Value, caseSensitive: boolean) =>
  typeof value === 'string' && !caseSensitive ? value.toLowerCase() : value;

/** Sorts and keeps the order of equals, also when reversed, as Python does. */
function sorted(
  items: readonly Value[],
  key: (item: Value) => Value,
  reverse: boolean,
  { budget }: Surroundings,
) {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  keyed.sort((a, b) => {
    // Equal keys need no order: those that are all missing have none.
    if (isEqual(a.key, b.key, budget.spend)) return 0;
    return reverse ? compare(b.key, a.key, budget.spend) : compare(a.key, b.key, budget.spend);
  });
  return keyed.map(({ item }) => item);
}

function sortKey(given: Given, around: Surroundings): (item: Value) => Value {
  const attribute = given.or('attribute', null);
  const caseSensitive = given.flag('case_sensitive', false);
  if (attribute === null) return (item) => lowered(item, caseSensitive);
  const paths = typeof attribute === 'string' ? attribute.split(',') : [attribute];
  const getters = paths.map((path) => getter(path, around));
  return (item) => {
    const keys = getters.map((get) => lowered(get(item), caseSensitive));
    return keys.length === 1 ? (keys[0] ?? null) : new Tuple(keys);
  };
}

export const extreme =
  (sign: 1 | -1): Filter =>
  (value, args, around) => {
    const key = sortKey(new Given('min and max', args, ['case_sensitive', 'attribute']), around);
    const items = iterate(value, around.budget);
    const [first] = items;
    if (first === undefined) return new Undefined('the extreme of an empty list');
    return items.reduce((best, item) =>
      sign * compare(key(item), key(best), around.budget.spend) < 0 ? item : best,
    );
  };

/** `select` and its relatives. */
export const selecting =
  (byAttribute: boolean, keep: boolean): Filter =>
  (value, { positional, named }, around) => {
    const [first, ...others] = positional;
    if (byAttribute && first === undefined) throw new TemplateError('an attribute is missing');
    const get = byAttribute && first !== undefined ? getter(first, around) : (item: Value) => item;
    const [test, ...rest] = byAttribute ? others : positional;
    const passes = (item: Value) => {
      const tested = get(item);
      if (test === undefined) return isTrue(tested);
      if (typeof test !== 'string') throw new TemplateError('the name of a test is not a text');
      return around.test(test, tested, { positional: rest, named });
    };
    return lazily(value, around.budget, function* (items) {
      for (const item of items) if (passes(item) === keep) yield item;
    });
  };

export const map: Filter = (value, args, around) => {
  const [name, ...positional] = args.positional;
  const each = (work: (item: Value) => Value) =>
    lazily(value, around.budget, function* (items) {
      for (const item of items) yield work(item);
    });
  if (name === undefined) {
    const given = new Given('map', args, ['attribute', 'default']);
    const get = getter(given.value('attribute'), around, given.or('default', null));
    return each(get);
  }
  if (typeof name !== 'string') throw new TemplateError('the name of a filter is not a text');
  return each((item) => around.filter(name, item, { positional, named: args.named }));
};

export const sort: Filter = (value, args, around) => {
  const given = new Given('sort', args, ['reverse', 'case_sensitive', 'attribute']);
  const items = iterate(value, around.budget);
  return sorted(items, sortKey(given, around), given.flag('reverse', false), around);
};

export const dictsort: Filter = (value, args, around) => {
  const given = new Given('dictsort', args, ['case_sensitive', 'by', 'reverse']);
  if (!(value instanceof Dict)) throw new TemplateError(`${typeName(value)} is no dict`);
  const at = given.text('by', 'key') === 'value' ? 1 : 0;
  const pairs = value.entries().map((entry) => new Tuple(entry));
  const caseSensitive = given.flag('case_sensitive', false);
  const key = (pair: Value) => lowered((itemsOf(pair) ?? [])[at] ?? null, caseSensitive);
  return sorted(pairs, key, given.flag('reverse', false), around);
};

export const unique: Filter = (value, args, around) => {
  const key = sortKey(new Given('unique', args, ['case_sensitive', 'attribute']), around);
  const seen = new Dict();
  return lazily(value, around.budget, function* (items) {
    for (const item of items) {
      const found = key(item);
      if (seen.get(found) !== undefined) continue;
      seen.set(found, true);
      yield item;
    }
  });
};

export const groupby: Filter = (value, args, around) => {
  const given = new Given('groupby', args, ['attribute', 'default', 'case_sensitive']);
  const get = getter(given.value('attribute'), around, given.or('default', null));
  const caseSensitive = given.flag('case_sensitive', false);
  const key = (item: Value) => lowered(get(item), caseSensitive);
  const groups: { readonly key: Value; readonly first: Value; readonly items: Value[] }[] = [];
  for (const item of sorted(iterate(value, around.budget), key, false, around)) {
    const last = groups.at(-1);
    if (last && isEqual(last.key, key(item), around.budget.spend)) last.items.push(item);
    else groups.push({ key: key(item), first: get(item), items: [item] });
  }
  return groups.map(({ first, items }) => new Tuple([first, items], ['grouper', 'list']));
};

export const sum: Filter = (value, args, around) => {
  const given = new Given('sum', args, ['attribute', 'start']);
  const attribute = given.or('attribute', null);
  const get = attribute === null ? (item: Value) => item : getter(attribute, around);
  const start = given.or('start', 0);
  if (typeof start === 'string') throw new TemplateError('texts cannot be added up');
  return iterate(value, around.budget)
    .map(get)
    .reduce((total, item) => binary('+', total, item, around.budget), start);
};

export const batch: Filter = (value, args, around) => {
  const given = new Given('batch', args, ['linecount', 'fill_with']);
  const size = given.whole('linecount');
  if (size < 1) throw new TemplateError('batch needs a number above 0');
  const items = iterate(value, around.budget);
  const fill = given.or('fill_with', null);
  const rows = Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
  around.budget.items(size);
  const filled = rows.map((row) =>
    fill === null ? row : [...row, ...Array.from({ length: size - row.length }, () => fill)],
  );
  return new Generator(filled);
};

export const slices: Filter = (value, args, around) => {
  const given = new Given('slice', args, ['slices', 'fill_with']);
  const count = given.whole('slices');
  if (count < 1) throw new TemplateError('slice needs a number above 0');
  around.budget.items(count);
  const items = iterate(value, around.budget);
  const fill = given.or('fill_with', null);
  const [each, longer] = [Math.floor(items.length / count), items.length % count];
  let from = 0;
  const rows = Array.from({ length: count }, (_, i) => {
    const row = items.slice(from, (from += each + (i < longer ? 1 : 0)));
    return fill !== null && i >= longer ? [...row, fill] : row;
  });
  return new Generator(rows);
};
