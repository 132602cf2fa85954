import { TemplateError, type Token } from './lexer.ts';

/** Brackets, blocks and signs within each other. Python gives up at a similar depth. */
const DEEPEST = 100;

/** Takes tokens one after the other. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get position(): number {
    return this.#at;
  }

  /** The names between a position and the next token. */
  namesSince(position: number): ReadonlySet<string> {
    const names = this.#tokens
      .slice(position, this.#at)
      .flatMap((token) => (token.type === 'name' ? [token.text] : []));
    return new Set(names);
  }

  skip(count = 1): void {
    this.#at += count;
  }

  deeper<T>(read: () => T): T {
    if (++this.#depth > DEEPEST) throw new TemplateError(`it is nested more than ${DEEPEST} deep`);
    const result = read();
    this.#depth--;
    return result;
  }

  /** The next token, or one behind it; undefined at the end. */
  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  next(): Token {
    const token = this.#tokens[this.#at++];
    if (!token) throw new TemplateError('it ends too early');
    return token;
  }

  name(): string {
    const token = this.next();
    if (token.type !== 'name') throw new TemplateError('a name is missing');
    return token.text;
  }

  keyword(name: string): void {
    if (!this.takeName(name)) throw new TemplateError(`"${name}" is missing`);
  }

  isName(name: string): boolean {
    const token = this.peek();
    return token?.type === 'name' && token.text === name;
  }

  takeName(name: string): boolean {
    const is = this.isName(name);
    if (is) this.#at++;
    return is;
  }

  isOperator(text: string): boolean {
    const token = this.peek();
    return token?.type === 'operator' && token.text === text;
  }

  takeOperator(text: string): boolean {
    const is = this.isOperator(text);
    if (is) this.#at++;
    return is;
  }

  operator(text: string): void {
    if (!this.takeOperator(text)) throw new TemplateError(`"${text}" is missing`);
  }

  end(): void {
    if (this.next().type !== 'end') throw new TemplateError('the end of a tag is missing');
  }
}
