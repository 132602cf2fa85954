import type { Arguments, Expression } from './ast.ts';
import { TemplateError } from './lexer.ts';
import type { TokenReader } from './token-reader.ts';

export const constants: ReadonlyMap<string, boolean | null> = new Map([
  ...(['true', 'True'] as const).map((name) => [name, true] as const),
  ...(['false', 'False'] as const).map((name) => [name, false] as const),
  ...(['none', 'None'] as const).map((name) => [name, null] as const),
]);

const comparisons = ['==', '!=', '<', '<=', '>', '>='];
const noArguments: Arguments = { positional: [], named: [], rest: null, namedRest: null };

/** Reads expressions as jinja2's parser does. */
export class ExpressionParser {
  readonly #tokens: TokenReader;

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
  }

  /** One expression, or several between commas. */
  tuple(withCondition = true): Expression {
    const read = () => (withCondition ? this.expression() : this.#or());
    const first = read();
    if (!this.#tokens.isOperator(',')) return first;
    const items = [first];
    while (this.#tokens.takeOperator(',')) {
      if (this.#endsTuple()) break;
      items.push(read());
    }
    return { type: 'tuple', items };
  }

  #endsTuple(): boolean {
    const next = this.#tokens.peek();
    return next?.type === 'end' || (next?.type === 'operator' && next.text === ')');
  }

  expression(): Expression {
    return this.#tokens.deeper(() => {
      let value = this.#or();
      while (this.#tokens.takeName('if')) {
        const test = this.#or();
        const otherwise = this.#tokens.takeName('else') ? this.expression() : null;
        value = { type: 'if', test, then: value, otherwise };
      }
      return value;
    });
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#tokens.takeName('or')) left = { type: 'binary', operator: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#tokens.takeName('and')) left = { type: 'binary', operator: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (!this.#tokens.takeName('not')) return this.#compare();
    return { type: 'unary', operator: 'not', operand: this.#tokens.deeper(() => this.#not()) };
  }

  #compare(): Expression {
    const first = this.#sum();
    const rest: (readonly [string, Expression])[] = [];
    for (;;) {
      const operator = this.#comparison();
      if (operator === null) return rest.length === 0 ? first : { type: 'compare', first, rest };
      rest.push([operator, this.#sum()]);
    }
  }

  #comparison(): string | null {
    const token = this.#tokens.peek();
    if (token?.type === 'operator' && comparisons.includes(token.text)) {
      this.#tokens.skip();
      return token.text;
    }
    if (this.#tokens.takeName('in')) return 'in';
    const next = this.#tokens.peek(1);
    if (this.#tokens.isName('not') && next?.type === 'name' && next.text === 'in') {
      this.#tokens.skip(2);
      return 'not in';
    }
    return null;
  }

  #sum(): Expression {
    return this.#leftBound(['+', '-'], () => this.#concat());
  }

  #concat(): Expression {
    const first = this.#product();
    if (!this.#tokens.isOperator('~')) return first;
    const items = [first];
    while (this.#tokens.takeOperator('~')) items.push(this.#product());
    return { type: 'concat', items };
  }

  #product(): Expression {
    return this.#leftBound(['*', '/', '//', '%'], () => this.#leftBound(['**'], () => this.#unary(true)));
  }

  #leftBound(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const token = this.#tokens.peek();
      if (token?.type !== 'operator' || !operators.includes(token.text)) return left;
      this.#tokens.skip();
      left = { type: 'binary', operator: token.text, left, right: operand() };
    }
  }

  #unary(withFilters: boolean): Expression {
    for (const operator of ['-', '+'] as const) {
      if (!this.#tokens.takeOperator(operator)) continue;
      const operand = this.#tokens.deeper(() => this.#unary(false));
      const signed: Expression = { type: 'unary', operator, operand };
      return withFilters ? this.filters(signed, signed) : signed;
    }
    const value = this.#postfix(this.#primary());
    return withFilters ? this.filters(value, value) : value;
  }

  #primary(): Expression {
    const token = this.#tokens.next();
    switch (token.type) {
      case 'name': {
        const constant = constants.get(token.text);
        if (constant !== undefined) return { type: 'literal', value: constant, isFloat: false };
        return { type: 'name', name: token.text };
      }
      case 'string': {
        let text = token.text;
        // Texts side by side are one, as in Python.
        for (let next = this.#tokens.peek(); next?.type === 'string'; next = this.#tokens.peek()) {
          text += next.text;
          this.#tokens.skip();
        }
        return { type: 'literal', value: text, isFloat: false };
      }
      case 'number':
        return { type: 'literal', value: token.value, isFloat: token.isFloat };
      case 'operator':
        return this.#tokens.deeper(() => this.#bracketed(token.text));
      default:
        throw new TemplateError('an expression is missing');
    }
  }

  #bracketed(bracket: string): Expression {
    switch (bracket) {
      case '(': {
        if (this.#tokens.takeOperator(')')) return { type: 'tuple', items: [] };
        const value = this.tuple();
        this.#tokens.operator(')');
        return value;
      }
      case '[': {
        const items: Expression[] = [];
        while (!this.#tokens.takeOperator(']')) {
          if (items.length > 0) this.#tokens.operator(',');
          if (this.#tokens.takeOperator(']')) break;
          items.push(this.expression());
        }
        return { type: 'list', items };
      }
      case '{': {
        const entries: (readonly [Expression, Expression])[] = [];
        while (!this.#tokens.takeOperator('}')) {
          if (entries.length > 0) this.#tokens.operator(',');
          if (this.#tokens.takeOperator('}')) break;
          const key = this.expression();
          this.#tokens.operator(':');
          entries.push([key, this.expression()]);
        }
        return { type: 'dict', entries };
      }
      default:
        throw new TemplateError(`"${bracket}" is not expected here`);
    }
  }

  #postfix(start: Expression): Expression {
    let value = start;
    for (;;) {
      if (this.#tokens.takeOperator('.')) {
        const token = this.#tokens.next();
        if (token.type === 'name') value = { type: 'attribute', object: value, name: token.text };
        else if (token.type === 'number' && !token.isFloat)
          value = {
            type: 'item',
            object: value,
            key: { type: 'literal', value: token.value, isFloat: false },
          };
        else throw new TemplateError('a name is missing behind "."');
      } else if (this.#tokens.takeOperator('[')) {
        value = this.#subscript(value);
      } else if (this.#tokens.isOperator('(')) {
        value = { type: 'call', callee: value, args: this.#arguments() };
      } else {
        return value;
      }
    }
  }

  #subscript(object: Expression): Expression {
    const part = () =>
      this.#tokens.isOperator(':') || this.#tokens.isOperator(']')
        ? null
        : this.#tokens.deeper(() => this.expression());
    const first = part();
    if (!this.#tokens.takeOperator(':')) {
      if (!first) throw new TemplateError('an index is missing');
      return { type: 'item', object, key: this.#key(first) };
    }
    const second = part();
    const third = this.#tokens.takeOperator(':') ? part() : null;
    this.#tokens.operator(']');
    return { type: 'slice', object, parts: [first, second, third] };
  }

  /** The rest of an index: `a[b]`, or `a[b, c]`, whose key is a tuple. */
  #key(first: Expression): Expression {
    const items = [first];
    while (this.#tokens.takeOperator(',')) items.push(this.#tokens.deeper(() => this.expression()));
    this.#tokens.operator(']');
    return items.length === 1 ? first : { type: 'tuple', items };
  }

  /** Filters, tests and calls behind a value; `operand` is null in the tag of a block. */
  filters(operand: Expression | null, start: Expression): Expression {
    let value = start;
    let isFirst = operand !== null;
    for (;;) {
      if (this.#tokens.takeOperator('|')) value = this.filter(value);
      else if (this.#tokens.takeName('is')) value = this.#test(value);
      else if (!isFirst && this.#tokens.isOperator('('))
        value = { type: 'call', callee: value, args: this.#arguments() };
      else return value;
      isFirst = false;
    }
  }

  filter(operand: Expression | null): Expression {
    const name = this.#dottedName();
    const args = this.#tokens.isOperator('(') ? this.#arguments() : noArguments;
    return { type: 'filter', operand, name, args };
  }

  #test(operand: Expression): Expression {
    const negated = this.#tokens.takeName('not');
    const name = this.#dottedName();
    const test: Expression = { type: 'test', operand, name, args: this.#testArguments() };
    return negated ? { type: 'unary', operator: 'not', operand: test } : test;
  }

  #testArguments(): Arguments {
    if (this.#tokens.isOperator('(')) return this.#arguments();
    const next = this.#tokens.peek();
    const begins =
      next?.type === 'string' ||
      next?.type === 'number' ||
      (next?.type === 'operator' && (next.text === '[' || next.text === '{')) ||
      (next?.type === 'name' && !['else', 'or', 'and', 'if', 'in', 'not', 'is'].includes(next.text));
    return begins ? { ...noArguments, positional: [this.#postfix(this.#primary())] } : noArguments;
  }

  #arguments(): Arguments {
    this.#tokens.operator('(');
    const positional: Expression[] = [];
    const named: (readonly [string, Expression])[] = [];
    let rest: Expression | null = null;
    let namedRest: Expression | null = null;
    let count = 0;
    while (!this.#tokens.takeOperator(')')) {
      if (count++ > 0) {
        this.#tokens.operator(',');
        if (this.#tokens.takeOperator(')')) break;
      }
      if (namedRest) throw new TemplateError('an argument follows one with "**"');
      if (this.#tokens.takeOperator('**')) {
        namedRest = this.expression();
        continue;
      }
      if (!rest && this.#tokens.takeOperator('*')) {
        rest = this.expression();
        continue;
      }
      const [token, next] = [this.#tokens.peek(), this.#tokens.peek(1)];
      if (token?.type === 'name' && next?.type === 'operator' && next.text === '=') {
        this.#tokens.skip(2);
        named.push([token.text, this.expression()]);
      } else {
        if (named.length > 0 || rest)
          throw new TemplateError('an argument without a name follows one with a name');
        positional.push(this.expression());
      }
    }
    return { positional, named, rest, namedRest };
  }

  #dottedName(): string {
    let name = this.#tokens.name();
    while (this.#tokens.takeOperator('.')) name += `.${this.#tokens.name()}`;
    return name;
  }
}
