/** Reads the statements of a template as jinja2's parser does. */
import type { Body, Callee, Expression, Parameter, Statement, Target } from './ast.ts';
import { constants, ExpressionParser } from './expression-parser.ts';
import { TemplateError, tokenize, type WhiteSpace } from './lexer.ts';
import { TokenReader } from './token-reader.ts';

/** @throws TemplateError */
export const parseTemplate = (source: string, whiteSpace: WhiteSpace): Body =>
  new Parser(new TokenReader(tokenize(source, whiteSpace))).template();

class Parser {
  readonly #tokens: TokenReader;
  readonly #expressions: ExpressionParser;
  /** The loops around, within the macro that is read. */
  #loops = 0;

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
    this.#expressions = new ExpressionParser(tokens);
  }

  template(): Body {
    const body = this.#body([]);
    if (this.#tokens.peek()) throw new TemplateError('a block ends that has not begun');
    return body;
  }

  /** Statements up to a block that is called one of `ends`; that name was read then, the rest of its tag not. */
  #body(ends: readonly string[]): Body {
    const statements: Statement[] = [];
    for (;;) {
      const token = this.#tokens.peek();
      if (!token) {
        if (ends.length > 0) throw new TemplateError(`${ends.join(' or ')} is missing`);
        return statements;
      }
      this.#tokens.skip();
      if (token.type === 'text') {
        statements.push(token);
      } else if (token.type === 'begin' && token.tag === 'variable') {
        statements.push({ type: 'output', value: this.#expressions.tuple() });
        this.#tokens.end();
      } else {
        const name = this.#tokens.name();
        if (ends.includes(name)) {
          this.#tokens.skip(-1);
          return statements;
        }
        statements.push(this.#tokens.deeper(() => this.#statement(name)));
      }
    }
  }

  #statement(name: string): Statement {
    switch (name) {
      case 'if':
        return this.#if();
      case 'for':
        return this.#for();
      case 'set':
        return this.#set();
      case 'with':
        return this.#with();
      case 'macro': {
        const macro = this.#tokens.name();
        const parameters = this.#parameters();
        return { type: 'macro', name: macro, ...this.#callee(parameters, 'endmacro') };
      }
      case 'call': {
        const parameters = this.#tokens.isOperator('(') ? this.#parameters() : [];
        const call = this.#expressions.expression();
        return { type: 'call-block', call, ...this.#callee(parameters, 'endcall') };
      }
      case 'filter': {
        const filter = this.#expressions.filters(null, this.#expressions.filter(null));
        return { type: 'filter-block', filter, body: this.#block('endfilter') };
      }
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw new TemplateError(`"${name}" stands in no loop`);
        this.#tokens.end();
        return { type: name };
      case 'generation':
        return { type: 'group', body: this.#block('endgeneration') };
      default:
        throw new TemplateError(`there is no block "${name}"`);
    }
  }

  /** The rest of a tag, and the block up to its end. */
  #block(end: string): Body {
    this.#tokens.end();
    const body = this.#body([end]);
    this.#tokens.skip();
    this.#tokens.end();
    return body;
  }

  /** The body of a macro, which loops around its definition do not reach. */
  #callee(parameters: readonly Parameter[], end: string): Callee {
    const [loops, from] = [this.#loops, this.#tokens.position];
    this.#loops = 0;
    const body = this.#block(end);
    this.#loops = loops;
    return { parameters, body, reads: this.#tokens.namesSince(from) };
  }

  #if(): Statement {
    const branches: (readonly [Expression, Body])[] = [];
    for (;;) {
      const test = this.#expressions.tuple(false);
      this.#tokens.end();
      branches.push([test, this.#body(['elif', 'else', 'endif'])]);
      const next = this.#tokens.name();
      if (next === 'elif') continue;
      this.#tokens.end();
      if (next === 'endif') return { type: 'if', branches, otherwise: [] };
      const otherwise = this.#body(['endif']);
      this.#tokens.skip();
      this.#tokens.end();
      return { type: 'if', branches, otherwise };
    }
  }

  #for(): Statement {
    const target = this.#target();
    if (target.type === 'name' && target.name === 'loop')
      throw new TemplateError('"loop" cannot be assigned to');
    this.#tokens.keyword('in');
    const over = this.#expressions.tuple(false);
    const filter = this.#tokens.takeName('if') ? this.#expressions.expression() : null;
    const recursive = this.#tokens.takeName('recursive');
    this.#tokens.end();
    this.#loops++;
    const body = this.#body(['endfor', 'else']);
    this.#loops--;
    const isElse = this.#tokens.name() === 'else';
    this.#tokens.end();
    let otherwise: Body = [];
    if (isElse) {
      otherwise = this.#body(['endfor']);
      this.#tokens.skip();
      this.#tokens.end();
    }
    return { type: 'for', target, over, filter, recursive, body, otherwise };
  }

  #set(): Statement {
    const target = this.#target();
    if (this.#tokens.takeOperator('=')) {
      const value = this.#expressions.tuple();
      this.#tokens.end();
      return { type: 'set', target, value };
    }
    const filter = this.#tokens.takeOperator('|')
      ? this.#expressions.filters(null, this.#expressions.filter(null))
      : null;
    return { type: 'set-block', target, filter, body: this.#block('endset') };
  }

  #with(): Statement {
    const values: (readonly [Target, Expression])[] = [];
    while (this.#tokens.peek()?.type !== 'end') {
      if (values.length > 0) this.#tokens.operator(',');
      const target = this.#target();
      this.#tokens.operator('=');
      values.push([target, this.#expressions.expression()]);
    }
    return { type: 'with', values, body: this.#block('endwith') };
  }

  #target(): Target {
    const items: Target[] = [];
    let isTuple = false;
    const closes = this.#tokens.takeOperator('(');
    for (;;) {
      if (this.#tokens.isOperator('(')) {
        items.push(this.#tokens.deeper(() => this.#target()));
      } else {
        const name = this.#tokens.name();
        if (constants.has(name)) throw new TemplateError(`"${name}" cannot be assigned to`);
        items.push(
          this.#tokens.takeOperator('.')
            ? { type: 'namespace', name, field: this.#tokens.name() }
            : { type: 'name', name },
        );
      }
      if (!this.#tokens.takeOperator(',')) break;
      isTuple = true;
      if (this.#tokens.isOperator(')') || this.#tokens.isOperator('=')) break;
    }
    if (closes) this.#tokens.operator(')');
    const [only] = items;
    return only && !isTuple ? only : { type: 'tuple', items };
  }

  #parameters(): readonly Parameter[] {
    this.#tokens.operator('(');
    const parameters: Parameter[] = [];
    while (!this.#tokens.takeOperator(')')) {
      if (parameters.length > 0) this.#tokens.operator(',');
      const name = this.#tokens.name();
      const fallback = this.#tokens.takeOperator('=') ? this.#expressions.expression() : null;
      if (!fallback && parameters.at(-1)?.fallback) {
        throw new TemplateError(`the parameter "${name}" needs a default as the one before it has`);
      }
      parameters.push({ name, fallback });
    }
    return parameters;
  }
}
