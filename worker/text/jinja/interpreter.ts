/** Runs a template as jinja2's immutable sandbox does. */
import type { Arguments, Body, Callee, Expression, Statement, Target } from './ast.ts';
import { attribute, item } from './attributes.ts';
import type { Budget } from './budget.ts';
import { iterate, type Filter, type Surroundings } from './filter.ts';
import { filters } from './filters.ts';
import { TemplateError } from './lexer.ts';
import { binary, signed } from './operators.ts';
import { Scope } from './scope.ts';
import { contains, tests } from './tests.ts';
import {
  Callable,
  compare,
  Dict,
  Float,
  isEqual,
  isList,
  isTrue,
  Namespace,
  numberOf,
  orElse,
  Range,
  sequenceOf,
  textOf,
  Tuple,
  typeName,
  Undefined,
  type CallArguments,
  type Value,
} from './values.ts';

/** Why a body ended before its last statement. */
type Jump = 'break' | 'continue' | null;

export interface InterpreterOptions {
  /** jinja2's StrictUndefined: whether printing, testing, comparing or looping over an undefined value is an error. */
  readonly strict: boolean;
  /** Filters in addition to jinja's own. */
  readonly filters: ReadonlyMap<string, Filter>;
}

export class Interpreter {
  readonly #budget: Budget;
  readonly #around: Surroundings;
  readonly #options: InterpreterOptions;
  #written: string[] = [];

  constructor(budget: Budget, options: InterpreterOptions = { strict: false, filters: new Map() }) {
    this.#budget = budget;
    this.#options = options;
    this.#around = {
      budget,
      item: (object, key) => item(object, key, budget),
      filter: (name, value, args) => this.#filter(name, value, args),
      test: (name, value, args) => this.#test(name, value, args),
    };
  }

  /** @throws TemplateError */
  render(body: Body, globals: Iterable<readonly [string, Value]>): string {
    const scope = new Scope(null);
    for (const [name, value] of globals) scope.set(name, value);
    return this.#captured(body, new Scope(scope));
  }

  /** The value of an expression: of the one output that a body consists of. */
  valueOf(body: Body, globals: Iterable<readonly [string, Value]>): Value {
    const [only, ...others] = body;
    if (only?.type !== 'output' || others.length > 0) throw new TemplateError('it is not one expression');
    const scope = new Scope(null);
    for (const [name, value] of globals) scope.set(name, value);
    return this.#value(only.value, scope);
  }

  /** A value that is about to be used. */
  #used(value: Value): Value {
    if (this.#options.strict && value instanceof Undefined) value.refuse();
    return value;
  }

  /** What a body writes. */
  #captured(body: Body, scope: Scope): string {
    const outer = this.#written;
    this.#written = [];
    this.#run(body, scope);
    const text = this.#written.join('');
    this.#written = outer;
    return text;
  }

  #write(text: string): void {
    this.#budget.text(text.length);
    this.#written.push(text);
  }

  #run(body: Body, scope: Scope): Jump {
    for (const statement of body) {
      const jump = this.#budget.deeper(() => this.#statement(statement, scope));
      if (jump !== null) return jump;
    }
    return null;
  }

  #statement(statement: Statement, scope: Scope): Jump {
    switch (statement.type) {
      case 'text':
        this.#write(statement.text);
        return null;
      case 'output':
        this.#write(textOf(this.#used(this.#value(statement.value, scope)), this.#budget.spend));
        return null;
      case 'if': {
        const taken = statement.branches.find(([test]) => isTrue(this.#used(this.#value(test, scope))));
        return this.#run(taken ? taken[1] : statement.otherwise, scope);
      }
      case 'for':
        this.#for(statement, this.#used(this.#value(statement.over, scope)), scope, 0);
        return null;
      case 'break':
      case 'continue':
        return statement.type;
      case 'set':
        this.#assign(statement.target, this.#value(statement.value, scope), scope);
        return null;
      case 'set-block': {
        const text = this.#captured(statement.body, new Scope(scope));
        const { filter } = statement;
        this.#assign(statement.target, filter ? this.#value(filter, scope, text) : text, scope);
        return null;
      }
      case 'with': {
        const inner = new Scope(scope);
        for (const [target, value] of statement.values)
          this.#assign(target, this.#value(value, scope), inner);
        return this.#run(statement.body, inner);
      }
      case 'macro':
        scope.set(statement.name, this.#macro(statement.name, statement, scope));
        return null;
      case 'call-block': {
        const caller = this.#macro('caller', statement, scope);
        if (statement.call.type !== 'call') throw new TemplateError('a call block calls nothing');
        this.#write(textOf(this.#call(statement.call, scope, caller), this.#budget.spend));
        return null;
      }
      case 'filter-block': {
        const text = this.#captured(statement.body, new Scope(scope));
        this.#write(textOf(this.#value(statement.filter, scope, text), this.#budget.spend));
        return null;
      }
      case 'group':
        return this.#run(statement.body, new Scope(scope));
      default:
        return statement satisfies never;
    }
  }

  #for(statement: Extract<Statement, { type: 'for' }>, over: Value, scope: Scope, depth: number): void {
    const { target, filter, body, otherwise } = statement;
    const items = iterate(over, this.#budget).filter((item) => {
      if (!filter) return true;
      const inner = new Scope(scope);
      this.#assign(target, item, inner);
      return isTrue(this.#value(filter, inner));
    });
    let changed: Value | undefined;
    for (const [index, item] of items.entries()) {
      this.#budget.spend(10);
      const inner = new Scope(scope);
      const fields = new Map<string, Value>([
        ...Object.entries({
          index: index + 1,
          index0: index,
          revindex: items.length - index,
          revindex0: items.length - index - 1,
          first: index === 0,
          last: index === items.length - 1,
          length: items.length,
          depth: depth + 1,
          depth0: depth,
          previtem: orElse(items[index - 1], new Undefined('loop.previtem')),
          nextitem: orElse(items[index + 1], new Undefined('loop.nextitem')),
          cycle: new Callable('cycle', ({ positional }) => positional[index % positional.length] ?? null),
          changed: new Callable('changed', ({ positional }) => {
            const now = new Tuple(positional);
            const same = changed !== undefined && isEqual(changed, now, this.#budget.spend);
            changed = now;
            return !same;
          }),
        }),
      ]);
      const again = ({ positional: [inside] }: CallArguments): Value => {
        if (!statement.recursive || inside === undefined)
          throw new TemplateError('this loop is not recursive');
        const outer = this.#written;
        this.#written = [];
        this.#budget.deeper(() => {
          this.#for(statement, inside, scope, depth + 1);
        });
        const text = this.#written.join('');
        this.#written = outer;
        return text;
      };
      inner.set('loop', new Callable('loop', again, fields));
      this.#assign(target, item, inner);
      if (this.#run(body, inner) === 'break') break;
    }
    if (items.length === 0) this.#run(otherwise, new Scope(scope));
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    switch (target.type) {
      case 'name':
        scope.set(target.name, value);
        return;
      case 'namespace': {
        const space = scope.get(target.name);
        if (!(space instanceof Namespace)) throw new TemplateError(`${target.name} is not a namespace`);
        space.fields.set(target.field, value);
        return;
      }
      case 'tuple': {
        const items = iterate(value, this.#budget);
        if (items.length !== target.items.length) {
          throw new TemplateError(`${items.length} values for ${target.items.length} names`);
        }
        for (const [i, part] of target.items.entries()) this.#assign(part, items[i] ?? null, scope);
      }
    }
  }

  #macro(name: string, { parameters, body, reads }: Callee, defined: Scope): Callable {
    const fields = new Map<string, Value>([
      ['name', name],
      ['arguments', new Tuple(parameters.map((parameter) => parameter.name))],
    ]);
    const call = ({ positional, named }: CallArguments) => {
      const scope = new Scope(defined);
      const left = new Map(named);
      const caller = left.get('caller');
      left.delete('caller');
      if (caller !== undefined && !reads.has('caller')) throw new TemplateError(`${name} calls no caller`);
      scope.set('caller', caller ?? new Undefined('caller'));
      for (const [i, parameter] of parameters.entries()) {
        const isPositional = i < positional.length;
        const given = isPositional ? positional[i] : left.get(parameter.name);
        if (!isPositional) left.delete(parameter.name);
        const fallback = () =>
          parameter.fallback ? this.#value(parameter.fallback, scope) : new Undefined(parameter.name);
        scope.set(parameter.name, given === undefined ? fallback() : given);
      }
      const [unnamed] = left.keys();
      if (unnamed !== undefined && !reads.has('kwargs')) {
        throw new TemplateError(`${name} has no argument "${unnamed}"`);
      }
      if (positional.length > parameters.length && !reads.has('varargs')) {
        throw new TemplateError(`${name} takes ${parameters.length} arguments`);
      }
      scope.set('varargs', new Tuple(positional.slice(parameters.length)));
      scope.set('kwargs', new Dict(left));
      return this.#captured(body, scope);
    };
    return new Callable(name, call, fields);
  }

  /** @param piped the body of a block, for the filters in its tag */
  #value(expression: Expression, scope: Scope, piped: Value = null): Value {
    return this.#budget.deeper(() => this.#evaluate(expression, scope, piped));
  }

  #evaluate(expression: Expression, scope: Scope, piped: Value): Value {
    const value = (inner: Expression) => this.#value(inner, scope, piped);
    switch (expression.type) {
      case 'literal':
        return expression.isFloat && typeof expression.value === 'number'
          ? new Float(expression.value)
          : expression.value;
      case 'name':
        return orElse(scope.get(expression.name), new Undefined(expression.name));
      case 'list':
        return expression.items.map(value);
      case 'tuple':
        return new Tuple(expression.items.map(value));
      case 'dict':
        return new Dict(expression.entries.map(([key, item]) => [value(key), value(item)] as const));
      case 'concat': {
        const texts = expression.items.map((item) => textOf(this.#used(value(item)), this.#budget.spend));
        this.#budget.text(texts.reduce((sum, text) => sum + text.length, 0));
        return texts.join('');
      }
      case 'unary': {
        const operand = this.#used(value(expression.operand));
        return expression.operator === 'not' ? !isTrue(operand) : signed(expression.operator, operand);
      }
      case 'binary': {
        const left = this.#used(value(expression.left));
        if (expression.operator === 'or') return isTrue(left) ? left : value(expression.right);
        if (expression.operator === 'and') return isTrue(left) ? value(expression.right) : left;
        return binary(expression.operator, left, value(expression.right), this.#budget);
      }
      case 'compare': {
        let left = this.#used(value(expression.first));
        for (const [operator, inner] of expression.rest) {
          const right = this.#used(value(inner));
          if (!this.#holds(operator, left, right)) return false;
          left = right;
        }
        return true;
      }
      case 'if':
        if (isTrue(this.#used(value(expression.test)))) return value(expression.then);
        return expression.otherwise ? value(expression.otherwise) : new Undefined('the other branch');
      case 'attribute':
        return attribute(value(expression.object), expression.name, this.#budget);
      case 'item':
        return item(value(expression.object), value(expression.key), this.#budget);
      case 'slice':
        return this.#slice(
          value(expression.object),
          expression.parts.map((part) => (part ? value(part) : null)),
          isFolded(expression.object),
        );
      case 'call':
        return this.#call(expression, scope, null);
      case 'filter': {
        const operand = expression.operand ? value(expression.operand) : piped;
        return this.#filter(expression.name, operand, this.#arguments(expression.args, scope));
      }
      case 'test': {
        const operand = expression.operand ? value(expression.operand) : piped;
        return this.#test(expression.name, operand, this.#arguments(expression.args, scope));
      }
      default:
        return expression satisfies never;
    }
  }

  #holds(operator: string, left: Value, right: Value): boolean {
    const { spend } = this.#budget;
    switch (operator) {
      case '==':
        return isEqual(left, right, spend);
      case '!=':
        return !isEqual(left, right, spend);
      case 'in':
        return contains(right, left, this.#budget);
      case 'not in':
        return !contains(right, left, this.#budget);
      case '<':
        return compare(left, right, spend) < 0;
      case '<=':
        return compare(left, right, spend) <= 0;
      case '>':
        return compare(left, right, spend) > 0;
      default:
        return compare(left, right, spend) >= 0;
    }
  }

  #arguments({ positional, named, rest, namedRest }: Arguments, scope: Scope): CallArguments {
    const given = positional.map((argument) => this.#value(argument, scope));
    const names = new Map(named.map(([name, argument]) => [name, this.#value(argument, scope)] as const));
    const spread = namedRest ? this.#value(namedRest, scope) : new Dict();
    if (!(spread instanceof Dict)) throw new TemplateError(`** needs a dict, not ${typeName(spread)}`);
    for (const [name, value] of spread.entries()) {
      if (typeof name !== 'string') throw new TemplateError('** needs texts for keys');
      if (names.has(name)) throw new TemplateError(`the argument "${name}" is given twice`);
      names.set(name, value);
    }
    const more = rest ? iterate(this.#value(rest, scope), this.#budget) : [];
    return { positional: [...given, ...more], named: names };
  }

  #call(
    { callee, args }: Extract<Expression, { type: 'call' }>,
    scope: Scope,
    caller: Callable | null,
  ): Value {
    const called = this.#value(callee, scope);
    if (called instanceof Undefined) called.refuse();
    if (!(called instanceof Callable)) throw new TemplateError(`${typeName(called)} cannot be called`);
    const { positional, named } = this.#arguments(args, scope);
    const all = caller ? new Map([...named, ['caller', caller] as const]) : named;
    return this.#budget.deeper(() => called.call({ positional, named: all }));
  }

  #filter(name: string, value: Value, args: CallArguments): Value {
    const filter = this.#options.filters.get(name) ?? filters.get(name);
    if (!filter) throw new TemplateError(`there is no filter "${name}"`);
    // Only these two ask whether there is a value.
    return filter(name === 'default' || name === 'd' ? value : this.#used(value), args, this.#around);
  }

  #test(name: string, value: Value, { positional }: CallArguments): boolean {
    if (name === 'filter') return typeof value === 'string' && filters.has(value);
    if (name === 'test') return typeof value === 'string' && tests.has(value);
    const test = tests.get(name);
    if (!test) throw new TemplateError(`there is no test "${name}"`);
    return test(value, positional, this.#budget);
  }

  #slice(object: Value, parts: readonly Value[], folded: boolean): Value {
    if (object instanceof Undefined) object.refuse();
    const items = sequenceOf(object);
    const bounds = parts.map((part) => (part === null ? null : numberOf(part)));
    if (parts.some((part) => part instanceof Float)) {
      throw new TemplateError('the bounds of a slice must be whole numbers');
    }
    if (!items && !folded) throw new TemplateError(`${typeName(object)} cannot be sliced`);
    if (!items || parts.some((part, i) => part !== null && bounds[i] === null)) {
      return new Undefined(`a slice of ${typeName(object)}`);
    }
    const [start = null, stop = null, by = null] = bounds;
    const step = by ?? 1;
    if (step === 0) throw new TemplateError('a slice cannot step by 0');
    const [least, most] = step > 0 ? [0, items.length] : [-1, items.length - 1];
    const clamp = (index: number) =>
      Math.min(most, Math.max(least, index < 0 ? index + items.length : index));
    const begin = start === null ? (step > 0 ? least : most) : clamp(start);
    const end = stop === null ? (step > 0 ? most : least) : clamp(stop);
    if (object instanceof Range) {
      const { start: first, step: each } = object;
      return new Range(first + begin * each, first + end * each, each * step);
    }
    const taken: Value[] = [];
    for (let i = begin; step > 0 ? i < end : i > end; i += step) taken.push(items[i] ?? null);
    this.#budget.items(taken.length);
    if (typeof object === 'string') return taken.map(String).join('');
    return isList(object) ? taken : new Tuple(taken);
  }
}

/** Whether jinja2 computes with an object while it reads the template, and takes what fails then for undefined. */
const isFolded = ({ type }: Expression) => type === 'literal' || type === 'dict';
