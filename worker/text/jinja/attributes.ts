import { Given } from './arguments.ts';
import type { Budget } from './budget.ts';
import { TemplateError } from './lexer.ts';
import { textMethods } from './text-methods.ts';
import {
  Callable,
  Dict,
  isEqual,
  itemsOf,
  Namespace,
  orElse,
  Tuple,
  typeName,
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
    const found = textMethods.get(name);
    return found && method((args) => found(object, args, budget));
  }
  const items = itemsOf(object);
  if (changing.has(name) && (object instanceof Dict || (items && !(object instanceof Tuple)))) {
    return method(() => {
      throw new TemplateError(`${typeName(object)}.${name} would change a value, which templates may not`);
    });
  }
  if (object instanceof Dict) return dictMethod(object, name);
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
      return made(() => dict.keys());
    case 'values':
      return made(() => dict.entries().map(([, value]) => value));
    case 'items':
      return made(() => dict.entries().map((entry) => new Tuple(entry)));
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
