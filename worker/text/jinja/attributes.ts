import { Given } from './arguments.ts';
import type { Budget } from './budget.ts';
import { formatText, type Lookup } from './brace-format.ts';
import { TemplateError } from './lexer.ts';
import { textMethods } from './text-methods.ts';
import {
  Callable,
  Dict,
  Float,
  isEqual,
  isHashable,
  itemsOf,
  Namespace,
  numberOf,
  orElse,
  sequenceOf,
  Tuple,
  typeName,
  Undefined,
  View,
  type CallArguments,
  type Value,
} from './values.ts';

/** Methods that change their object: the sandbox of transformers refuses them. */
const changing: ReadonlySet<string> = new Set([
  ...[
    'append',
    'clear',
    'extend',
    'insert',
    'pop',
    'popitem',
    'remove',
    'reverse',
    'setdefault',
    'sort',
    'update',
  ],
]);

/** What Python finds at `object.name`; undefined if there is no such attribute. */
export function attributeOf(object: Value, name: string, budget: Budget): Value | undefined {
  if (name.startsWith('_')) return undefined; // Also Python's own, which the sandbox hides.
  if (object instanceof Callable) return object.fields.get(name);
  if (object instanceof Namespace) return object.fields.get(name);
  const method = (call: (args: CallArguments) => Value) => new Callable(name, call);
  if (typeof object === 'string') {
    if (name === 'format') return method((args) => formatText(object, args, lookupWith(budget), budget));
    const found = textMethods.get(name);
    return found && method((args) => found(object, args, budget));
  }
  const items = itemsOf(object);
  if (changing.has(name) && (object instanceof Dict || (items && !(object instanceof Tuple)))) {
    const reason = `${typeName(object)}.${name} would change a value, which templates may not`;
    return new Undefined(name, reason);
  }
  if (object instanceof Dict) return dictMethod(object, name);
  if (object instanceof Tuple && object.fields.includes(name))
    return object.items[object.fields.indexOf(name)];
  if (object instanceof Tuple && name === 'copy') return undefined;
  return items ? listMethod(items, name, budget) : undefined;
}

function dictMethod(dict: Dict, name: string): Callable | undefined {
  const made = (call: (args: CallArguments) => Value) => new Callable(name, call);
  switch (name) {
    case 'get':
      return made((args) => {
        const given = new Given('get', args, ['key', 'default']);
        return orElse(dict.get(given.value('key')), given.or('default', null));
      });
    case 'keys':
      return made(() => new View('keys', dict.keys()));
    case 'values':
      return made(
        () =>
          new View(
            'values',
            dict.entries().map(([, value]) => value),
          ),
      );
    case 'items':
      return made(
        () =>
          new View(
            'items',
            dict.entries().map((entry) => new Tuple(entry)),
          ),
      );
    case 'copy':
      return made(() => new Dict(dict.entries()));
    default:
      return undefined;
  }
}

function listMethod(items: readonly Value[], name: string, budget: Budget): Callable | undefined {
  const made = (call: (args: CallArguments) => Value) => new Callable(name, call);
  switch (name) {
    case 'index':
      return made((args) => {
        const given = new Given('index', args, ['value', 'start', 'stop']);
        const wanted = given.value('value');
        const [start, stop] = [given.whole('start', 0), given.whole('stop', items.length)];
        const at = items.findIndex(
          (item, i) => i >= start && i < stop && isEqual(item, wanted, budget.spend),
        );
        if (at < 0) throw new TemplateError('a value is not in the list');
        return at;
      });
    case 'count':
      return made((args) => {
        const wanted = new Given('count', args, ['value']).value('value');
        return items.filter((item) => isEqual(item, wanted, budget.spend)).length;
      });
    case 'copy':
      return made(() => [...items]);
    default:
      return undefined;
  }
}

const missing = (object: Value, name: string) => new Undefined(`${typeName(object)}.${name}`.slice(0, 100));

/** `object.name`: an attribute, or else an item of a dict. */
export function attribute(object: Value, name: string, budget: Budget): Value {
  if (object instanceof Undefined) object.refuse();
  const found = attributeOf(object, name, budget);
  if (found !== undefined) return found;
  return orElse(object instanceof Dict ? object.get(name) : undefined, missing(object, name));
}

/** `object[key]`: an item, or else an attribute. */
export function item(object: Value, key: Value, budget: Budget): Value {
  if (object instanceof Undefined) object.refuse();
  if (object instanceof Dict) {
    const found = isHashable(key) ? object.get(key) : undefined;
    if (found !== undefined) return found;
  }
  const items = sequenceOf(object);
  const index = key instanceof Float ? null : numberOf(key);
  if (items && index !== null) return orElse(items.at(index), missing(object, String(index)));
  if (typeof key !== 'string') return missing(object, typeName(key));
  return orElse(attributeOf(object, key, budget), missing(object, key));
}

const lookupWith = (budget: Budget): Lookup => ({
  attribute: (object, name) => attribute(object, name, budget),
  item: (object, key) => item(object, key, budget),
});
